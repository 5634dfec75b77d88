"""A git worktree without a config of its own joins the project of its main checkout."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.protocol import Era
from tests.clients.stdio import Wire, environment
from tests.support import BOUND, PROJECT_ID, config_text, posix_only, unprivileged, write_config
from tests.workspace.test_init import init, members
from workflow_mcp.errors import ConfigError
from workflow_mcp.workspace.discovery import config_path_in

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="there is no git here; the other tests make its files by hand")


def git(directory: Path, *arguments: str) -> None:
    """Run git, undisturbed by anybody's configuration."""
    assert GIT is not None
    nobody = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(directory)}
    who = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], **nobody, **who}
    subprocess.run([GIT, *arguments], cwd=directory, env=env, check=True, capture_output=True, timeout=BOUND)


def private_folder(main: Path, tree: Path) -> Path:
    """Where the repository of a main checkout keeps what is a worktree's own."""
    return main / ".git" / "worktrees" / tree.name


def add_worktree(main: Path, tree: Path, *, relative: bool = False) -> Path:
    """The files that `git worktree add` makes and that lead from one to the other."""
    private = private_folder(main, tree)
    private.mkdir(parents=True)
    tree.mkdir(parents=True, exist_ok=True)
    to_private, back = str(private), str(tree / ".git")
    if relative:
        to_private, back = os.path.relpath(private, tree), os.path.relpath(back, private)
    (private / "commondir").write_text("../..\n")
    (private / "gitdir").write_text(f"{back}\n")
    (tree / ".git").write_text(f"gitdir: {to_private}\n")
    return tree


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A main checkout."""
    (tmp_path / "main" / ".git").mkdir(parents=True)
    return tmp_path / "main"


@pytest.fixture
def tree(main: Path) -> Path:
    """A worktree of it."""
    return add_worktree(main, main.parent / "tree")


def project_of(directory: Path) -> dict[str, Any]:
    """The project that a directory's own config names."""
    project: dict[str, Any] = members(config_path_in(str(directory)))["project"]
    return project


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("place", ["beside", "inside"])
def test_it_has_the_main_checkout_s_project(main: Path, place: str, *, relative: bool) -> None:
    """Name and id are the main checkout's, nothing else is; the message says whose they are."""
    path = Path(write_config(main, config_text("shop", strict_mode=True, description="for people")))
    before = path.read_bytes()
    tree = main.parent / "tree" if place == "beside" else main / ".claude" / "worktrees" / "tree"
    done = init(add_worktree(main, tree, relative=relative))
    assert done.config_path == config_path_in(str(tree))
    assert members(done.config_path) == {"version": "1.0", "project": {"name": "shop", "id": PROJECT_ID}}
    assert done.message == (
        f"Created {done.config_path} for the project 'shop'. "
        f"It is the project of the main checkout {main}: both share its work items."
    )
    assert path.read_bytes() == before
    assert "nothing was changed" in init(tree).message


def test_anywhere_in_the_worktree(main: Path, tree: Path) -> None:
    """From a folder below, it is the worktree's top level that joins."""
    write_config(main)
    (tree / "src" / "deep").mkdir(parents=True)
    assert init(tree / "src" / "deep").config_path == config_path_in(str(tree))
    assert project_of(tree)["id"] == PROJECT_ID


def test_a_main_checkout_without_an_id_gets_one_first(main: Path, tree: Path) -> None:
    """Both then have the same, and the message names the file that was completed."""
    path = write_config(main, config_text("shop", project_id=None, later=[1]))
    done = init(tree)
    assert project_of(tree) == project_of(main)
    assert members(path)["later"] == [1]
    assert done.message.endswith(f"An id was written into {path}.")


def test_a_main_checkout_that_is_no_project(main: Path, tree: Path) -> None:
    """The worktree becomes a project of its own; the main checkout is left alone."""
    assert "main checkout" not in init(tree).message
    assert project_of(tree)["name"] == "tree"
    assert os.listdir(main) == [".git"]


@pytest.mark.parametrize("content", ["{", "[]", '{"project": {}}', '{"project": {"name": "x", "id": "x"}}'])
@pytest.mark.parametrize("name", [None, "other"])
def test_a_broken_config_in_the_main_checkout(main: Path, tree: Path, content: str, name: str | None) -> None:
    """It is an error that names the file, and nothing is written."""
    path = write_config(main, content)
    with pytest.raises(ConfigError) as caught:
        init(tree, name=name)
    assert caught.value.code == "CONFIG_INVALID"
    assert path in str(caught.value)
    assert os.listdir(tree) == [".git"]
    assert Path(path).read_text() == content


def test_another_name_makes_another_project(main: Path, tree: Path) -> None:
    """Who asks for it gets a project of its own, and is told which one the main checkout belongs to."""
    write_config(main, config_text("shop"))
    done = init(tree, name="other")
    assert project_of(tree)["name"] == "other"
    assert project_of(tree)["id"] != PROJECT_ID
    assert done.message.endswith(f"The main checkout {main} belongs to another project, 'shop'.")


def test_the_same_name_is_the_same_project(main: Path, tree: Path) -> None:
    """Naming the main checkout's project joins it."""
    write_config(main, config_text("shop"))
    init(tree, name="shop")
    assert project_of(tree)["id"] == PROJECT_ID


@pytest.mark.parametrize("project_id", [PROJECT_ID, None])
def test_dry_run_in_the_main_checkout_changes_nothing(main: Path, tree: Path, project_id: str | None) -> None:
    """What would be done is said, and neither checkout changes."""
    path = Path(write_config(main, config_text("shop", project_id=project_id, dry_run=True)))
    before = path.read_bytes()
    message = init(tree).message
    assert message.startswith(f"dry_run is true in {path}: ")
    assert "'shop'; nothing was changed." in message
    assert (path.read_bytes(), os.listdir(tree)) == (before, [".git"])


def test_a_committed_config_without_an_id_gets_the_main_checkout_s(main: Path, tree: Path) -> None:
    """A config of the same name is the same project's, also when its id was never committed."""
    write_config(main, config_text("shop"))
    write_config(tree, config_text("shop", project_id=None))
    done = init(tree)
    assert project_of(tree)["id"] == PROJECT_ID
    assert f"It is the project of the main checkout {main}" in done.message


def test_a_committed_config_of_another_project_keeps_its_own(main: Path, tree: Path) -> None:
    """A branch whose config names another project is in that one, whatever name is passed."""
    write_config(main, config_text("shop"))
    write_config(tree, config_text("bakery", project_id=None))
    done = init(tree, name="shop")
    assert project_of(tree)["name"] == "bakery"
    assert project_of(tree)["id"] != PROJECT_ID
    assert "belongs to another project, 'shop'" in done.message


@pytest.mark.parametrize("own", [{"dry_run": True}, {"strict_mode": True, "project_id": PROJECT_ID}])
def test_a_config_that_needs_no_id_looks_no_further(main: Path, tree: Path, own: dict[str, Any]) -> None:
    """Where nothing is to be written the main checkout does not matter, and may be broken."""
    write_config(main, "{")
    write_config(tree, config_text("bakery", **{"project_id": None, **own}))
    assert "nothing was changed" in init(tree).message


def test_a_nested_config_is_not_the_main_checkout_s(main: Path, tree: Path) -> None:
    """A package with a config of its own stays a project of its own."""
    write_config(main, config_text("package"))
    write_config(tree / "package", config_text("package", project_id=None))
    init(tree / "package")
    assert project_of(tree / "package")["id"] != PROJECT_ID


def _submodule(main: Path, tree: Path) -> None:
    module = main / ".git" / "modules" / "tree"
    module.mkdir(parents=True)
    (tree / ".git").write_text(f"gitdir: {module}\n")


def _bare(main: Path, tree: Path) -> None:
    (main / ".git").rename(main / "shop.git")
    (tree / ".git").write_text(f"gitdir: {main / 'shop.git' / 'worktrees' / 'tree'}\n")


def _made_up(main: Path, tree: Path) -> None:
    """It claims to be a worktree of a repository that does not know it."""
    (tree / ".git").write_text("gitdir: own\n")
    (tree / "own").mkdir()
    (tree / "own" / "gitdir").write_text("../.git\n")
    (tree / "own" / "commondir").write_text(f"{main / '.git'}\n")


def _another_s(main: Path, tree: Path) -> None:
    (main.parent / "other").mkdir()
    (main.parent / "other" / ".git").touch()
    (private_folder(main, tree) / "gitdir").write_text(f"{main.parent / 'other' / '.git'}\n")


def _git_is(content: bytes) -> Callable[[Path, Path], None]:
    def replace(_main: Path, tree: Path) -> None:
        (tree / ".git").write_bytes(content)

    return replace


def _file_is_a_fifo(name: str) -> Callable[[Path, Path], None]:
    def replace(main: Path, tree: Path) -> None:
        file = tree / ".git" if name == ".git" else private_folder(main, tree) / name
        file.unlink()
        os.mkfifo(file)

    return replace


def _missing(name: str) -> Callable[[Path, Path], None]:
    return lambda main, tree: (private_folder(main, tree) / name).unlink()


@posix_only
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_submodule, id="submodule"),
        pytest.param(_bare, id="bare"),
        pytest.param(_made_up, id="made-up"),
        pytest.param(_another_s, id="another-s"),
        pytest.param(_git_is(b"gitdir: \n"), id="empty"),
        pytest.param(_git_is(b"gitdir: /a\0b\n"), id="nul"),
        pytest.param(_git_is(b"gitdir: /" + b"x" * 5000), id="too-long-a-name"),
        pytest.param(_git_is(b"gitdir: \xff\xfe\n"), id="not-text"),
        pytest.param(_git_is(b"gitdir: /" + b"x" * 1_000_000), id="large"),
        pytest.param(_git_is(b"something else\n"), id="something-else"),
        *(pytest.param(_file_is_a_fifo(name), id=f"{name}-fifo") for name in (".git", "gitdir", "commondir")),
        *(pytest.param(_missing(name), id=f"no-{name}") for name in ("gitdir", "commondir")),
    ],
)
def test_what_is_no_worktree_of_it(main: Path, tree: Path, change: Callable[[Path, Path], None]) -> None:
    """Anything else that has a `.git` file is a project of its own, and none of it can hang."""
    write_config(main, config_text("shop"))
    change(main, tree)
    assert "main checkout" not in init(tree).message
    assert project_of(tree)["name"] == "tree"


def test_nothing_outside_the_allowed_roots_is_read(main: Path, tree: Path) -> None:
    """A main checkout outside of them might not be there; inside of the same one it counts."""
    write_config(main, "{")
    assert "main checkout" not in init(tree, allowed_roots=(tree,)).message
    assert project_of(tree)["name"] == "tree"


def test_a_main_checkout_inside_the_allowed_roots(main: Path, tree: Path) -> None:
    """It is joined, and gets its id there."""
    write_config(main, config_text("shop", project_id=None))
    init(tree, allowed_roots=(main.parent,))
    assert project_of(tree) == project_of(main)


@posix_only
@pytest.mark.parametrize("project_id", [PROJECT_ID, None])
def test_a_main_config_that_leads_outside_the_allowed_roots(tmp_path: Path, project_id: str | None) -> None:
    """A link out of them is refused, and nothing is written at either end."""
    main = tmp_path / "in" / "main"
    (main / ".git").mkdir(parents=True)
    tree = add_worktree(main, tmp_path / "in" / "tree")
    outside = Path(write_config(tmp_path / "out", config_text("shop", project_id=project_id)))
    before = outside.read_bytes()
    (main / ".workflow-mcp").symlink_to(outside.parent)
    with pytest.raises(ConfigError) as caught:
        init(tree, allowed_roots=(tmp_path / "in",))
    assert caught.value.code == "CONFIG_NOT_ALLOWED"
    assert (outside.read_bytes(), os.listdir(tree)) == (before, [".git"])


@posix_only
def test_a_main_checkout_that_cannot_be_written(main: Path, tree: Path) -> None:
    """Where it has no id and cannot get one, that is said before the worktree gets another."""
    path = write_config(main, config_text("shop", project_id=None))
    os.chmod(os.path.dirname(path), 0o555)
    try:
        with pytest.raises(ConfigError) as caught:
            unprivileged(lambda: init(tree))
    finally:
        os.chmod(os.path.dirname(path), 0o755)
    assert caught.value.code == "CONFIG_NOT_WRITABLE"
    assert path in str(caught.value)
    assert os.listdir(tree) == [".git"]


def _init_at_once(directory: str, ready: Any, results: Any) -> None:
    ready.wait(BOUND)
    results.put(members(init(directory).config_path)["project"]["id"])


@posix_only
def test_ten_worktrees_at_once_end_with_one_id(main: Path) -> None:
    """Two processes in each of five worktrees of a checkout without an id all see the one that it gets."""
    write_config(main, config_text("shop", project_id=None))
    trees = [add_worktree(main, main.parent / f"tree{number}") for number in range(5)] * 2
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.workspace.test_init", "tests.workspace.test_worktrees"])
    ready, results = context.Barrier(len(trees)), context.Queue()
    processes = [context.Process(target=_init_at_once, args=(str(tree), ready, results)) for tree in trees]
    for process in processes:
        process.start()
    ids = [results.get(timeout=BOUND) for _ in processes]
    for process in processes:
        process.join(BOUND)
        assert process.exitcode == 0
    assert set(ids) == {project_of(main)["id"]}


@needs_git
def test_git_s_own_worktrees(tmp_path: Path) -> None:
    """What `git worktree add` makes is joined, of a checkout; of a bare repository there is nothing to join."""
    main, bare = tmp_path / "main", tmp_path / "bare.git"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "first")
    git(main, "clone", "-q", "--bare", str(main), str(bare))
    write_config(main, config_text("shop"))
    for repository, name in ((main, "tree"), (bare, "of-bare")):
        git(repository, "worktree", "add", "-q", str(tmp_path / name))
        init(tmp_path / name)
    assert project_of(tmp_path / "tree") == {"name": "shop", "id": PROJECT_ID}
    assert project_of(tmp_path / "of-bare")["name"] == "of-bare"


def test_work_is_shared_through_the_server(main: Path, tree: Path, era: Era) -> None:
    """After `init_project` in the worktree, it lists what was planned in the main checkout."""
    write_config(main, config_text("shop"))
    (main.parent / "home").mkdir()
    roots = [main.as_uri()]
    with Wire(main.parent, environment(main.parent / "home"), era, lambda: roots) as wire:
        wire.open()
        assert not wire.call("create_work_items", items=[{"title": "Planned on main"}]).is_error
        roots[:] = [tree.as_uri()]
        assert wire.call("list_work_items").code == "NO_PROJECT"
        done = wire.call("init_project").data
        assert done["project"] == {"id": PROJECT_ID, "name": "shop"}
        assert f"It is the project of the main checkout {main}" in done["message"]
        assert "Planned on main" in wire.call("list_work_items").text
