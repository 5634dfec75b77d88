"""Making a directory a project: where, under which name, and never twice."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support import (
    BOUND,
    PROJECT_ID,
    config_text,
    make_settings,
    posix_only,
    unprivileged,
    write_config,
)
from workflow_mcp.cli.local import locate
from workflow_mcp.errors import ConfigError, UsageError, WorkflowError
from workflow_mcp.workspace.discovery import config_path_in
from workflow_mcp.workspace.init import Initialised, default_name, init_project


def init(directory: Path | str, *, name: str | None = None, home: Path | None = None, **settings: Any) -> Initialised:
    """Initialise the project of a directory, as the command line does."""
    base = make_settings(home or "/nonexistent", **settings, **({} if home is None else {"home": str(home)}))
    place = locate(str(directory), base)
    return init_project(place, name=name, home=base.home)


def members(path: str) -> dict[str, Any]:
    """What a config file holds."""
    value: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    return value


def test_a_directory_becomes_a_project(tmp_path: Path) -> None:
    """A config with a new UUID and the directory's name, said in one sentence that names the file."""
    (tmp_path / "my project").mkdir()
    done = init(tmp_path / "my project")
    assert done.config_path == config_path_in(str(tmp_path / "my project"))
    project = members(done.config_path)["project"]
    assert project["name"] == "my project"
    assert str(UUID(project["id"])) == project["id"]
    assert done.config_path in done.message


def test_it_is_safe_to_repeat(tmp_path: Path) -> None:
    """The second time changes not a byte, also under another name."""
    done = init(tmp_path, name="first")
    before = Path(done.config_path).read_bytes(), os.stat(done.config_path).st_ino
    again = init(tmp_path, name="second")
    assert (Path(done.config_path).read_bytes(), os.stat(done.config_path).st_ino) == before
    assert again.config_path == done.config_path
    assert "nothing was changed" in again.message


def test_an_id_is_written_into_a_config_without_one(tmp_path: Path) -> None:
    """A hand-written config is completed; unknown keys, order, text and numbers stay."""
    later = '{"b": [1, 2.5, "ü", null], "a": true}'
    text = '\ufeff{"later": ' + later + ', "project": {"extra": "x", "name": "hand"}, "strict_mode": true}'
    path = write_config(tmp_path, text)
    assert init(tmp_path, name="ignored").config_path == path
    now = members(path)
    assert list(now) == ["later", "project", "strict_mode"]
    assert now["later"] == {"b": [1, 2.5, "ü", None], "a": True}
    assert {key: now["project"][key] for key in ("extra", "name")} == {"extra": "x", "name": "hand"}
    assert str(UUID(now["project"]["id"])) == now["project"]["id"]
    assert "ü" in Path(path).read_text(encoding="utf-8")


def test_a_lone_surrogate_in_an_unknown_key_survives(tmp_path: Path) -> None:
    """What JSON can say and UTF-8 cannot is written back as JSON says it."""
    path = write_config(tmp_path, r'{"project": {"name": "p"}, "later": "\ud800"}')
    init(tmp_path)
    assert members(path)["later"] == "\ud800"
    assert "id" in members(path)["project"]


@posix_only
def test_the_mode_is_kept(tmp_path: Path) -> None:
    """A private config stays private when it is completed."""
    path = write_config(tmp_path, config_text(project_id=None))
    os.chmod(path, 0o600)
    init(tmp_path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert "id" in members(path)["project"]


def test_a_linked_config_is_completed_in_its_place(tmp_path: Path) -> None:
    """The link stays and its target gets the id."""
    (tmp_path / "p" / ".workflow-mcp").mkdir(parents=True)
    target = tmp_path / "shared.json"
    target.write_text(config_text(project_id=None))
    (tmp_path / "p" / ".workflow-mcp" / "config.json").symlink_to(target)
    init(tmp_path / "p")
    assert (tmp_path / "p" / ".workflow-mcp" / "config.json").is_symlink()
    assert "id" in members(str(target))["project"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"project": {}}', '{"project": {"name": "p", "id": "x"}}', "x" * 70_000]
)
def test_a_broken_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    """An error, and the file as it was."""
    path = write_config(tmp_path, content)
    with pytest.raises(ConfigError):
        init(tmp_path)
    assert Path(path).read_text() == content
    assert os.listdir(os.path.dirname(path)) == ["config.json"]


def test_a_file_that_breaks_after_it_was_looked_at_is_not_overwritten(tmp_path: Path) -> None:
    """What counts is the content under the lock."""
    settings = make_settings("/nonexistent")
    for content in (None, config_text(project_id=None)):
        if content is not None:
            write_config(tmp_path, content)
        place = locate(str(tmp_path), settings)
        path = write_config(tmp_path, "{broken")
        with pytest.raises(ConfigError):
            init_project(place, name=None, home=settings.home)
        assert Path(path).read_text() == "{broken"


def test_a_config_that_would_grow_too_large_is_left_as_it_is(tmp_path: Path) -> None:
    """Completing never makes a file that could not be read again."""
    text = '{"project":{"name":"p"},"x":[' + ",".join(["[]"] * 21_000) + "]}"
    assert len(text) < 65_536
    path = write_config(tmp_path, text)
    try:
        init(tmp_path)
    except ConfigError:
        assert Path(path).read_text() == text
    else:
        assert os.path.getsize(path) <= 65_536
        assert "id" in members(path)["project"]


def test_any_nesting_that_can_be_read_can_be_written(tmp_path: Path) -> None:
    """On the edge of what can be parsed, completing succeeds or is one error and changes nothing."""
    for depth in (100, 400, 600, 800, 900, 940, 950, 960, 970, 980, 990):
        text = '{"project": {"name": "p"}, "x": ' + "[" * depth + "]" * depth + "}"
        path = write_config(tmp_path, text)
        try:
            init(tmp_path)
        except WorkflowError:
            assert Path(path).read_text() == text
        else:
            assert "id" in members(path)["project"]


def test_dry_run_changes_nothing_and_says_what_would_be(tmp_path: Path) -> None:
    """With `dry_run` a missing id is reported and not written."""
    path = write_config(tmp_path, config_text(project_id=None, dry_run=True))
    before = Path(path).read_bytes()
    done = init(tmp_path)
    assert Path(path).read_bytes() == before
    assert "dry_run" in done.message
    assert "would" in done.message


@posix_only
@pytest.mark.parametrize("content", [config_text(), config_text(project_id=None, dry_run=True)])
def test_a_project_that_needs_nothing_written_may_be_read_only(tmp_path: Path, content: str) -> None:
    """Repeating is as safe where nothing can be written: a complete config, or `dry_run`."""
    path = Path(write_config(tmp_path, content))
    path.parent.chmod(0o555)
    done = unprivileged(lambda: init(tmp_path))
    assert "nothing was changed" in done.message
    assert path.read_text() == content


@pytest.mark.parametrize("git", ["directory", "file"])
def test_inside_a_repository_its_top_is_the_project(tmp_path: Path, git: str) -> None:
    """The nearest git top level gets the config, be `.git` a directory or, as in a worktree, a file."""
    repository = tmp_path / "repo"
    (repository / "a" / "b").mkdir(parents=True)
    if git == "directory":
        (repository / ".git").mkdir()
    else:
        (repository / ".git").write_text("gitdir: /elsewhere")
    done = init(repository / "a" / "b")
    assert done.config_path == config_path_in(str(repository))
    assert members(done.config_path)["project"]["name"] == "repo"


def test_outside_of_a_repository_the_directory_is_the_project(tmp_path: Path) -> None:
    """A config further up does not swallow a directory that is made a project."""
    outer = write_config(tmp_path)
    (tmp_path / "inner").mkdir()
    assert init(tmp_path / "inner").config_path == config_path_in(str(tmp_path / "inner"))
    assert members(outer)["project"]["id"] == PROJECT_ID


def test_a_nested_config_of_the_repository_is_completed(tmp_path: Path) -> None:
    """The config that applies, if it is the repository's, is the one that gets the id."""
    (tmp_path / ".git").mkdir()
    nested = write_config(tmp_path / "package", config_text("package", project_id=None))
    (tmp_path / "package" / "src").mkdir()
    assert init(tmp_path / "package" / "src").config_path == nested
    assert "id" in members(nested)["project"]
    assert not os.path.exists(config_path_in(str(tmp_path)))


def test_a_config_above_the_repository_is_not_its_own(tmp_path: Path) -> None:
    """A repository inside another project becomes one of its own."""
    write_config(tmp_path)
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert init(tmp_path / "repo").config_path == config_path_in(str(tmp_path / "repo"))


def test_a_repository_entered_through_a_link_is_the_same(tmp_path: Path) -> None:
    """A link into a repository leads to the repository's config, not to a second one below it."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "package").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "repo" / "package")
    first = init(tmp_path / "repo")
    again = init(tmp_path / "link")
    assert os.path.realpath(again.config_path) == os.path.realpath(first.config_path)
    assert not os.path.exists(config_path_in(str(tmp_path / "repo" / "package")))


def test_the_home_is_nobody_s_top_level(tmp_path: Path) -> None:
    """A home directory under git does not make what is below it one project; in the home itself it does."""
    home = tmp_path / "home"
    (home / ".git").mkdir(parents=True)
    (home / "notes").mkdir()
    assert init(home / "notes", home=home).config_path == config_path_in(str(home / "notes"))
    assert init(home, home=home).config_path == config_path_in(str(home))


def test_the_top_level_is_inside_the_allowed_roots(tmp_path: Path) -> None:
    """A repository that begins above an allowed root gets its config inside."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "in" / "deep").mkdir(parents=True)
    done = init(tmp_path / "in" / "deep", allowed_roots=(tmp_path / "in",))
    assert os.path.realpath(done.config_path).startswith(os.path.realpath(tmp_path / "in"))
    assert not os.path.exists(config_path_in(str(tmp_path)))


def test_nothing_is_written_outside_the_allowed_roots(tmp_path: Path) -> None:
    """A repository whose config folder is a link outside cannot make the server write there."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / ".workflow-mcp").symlink_to(tmp_path / "out")
    with pytest.raises(ConfigError) as caught:
        init(tmp_path / "in", allowed_roots=(tmp_path / "in",))
    assert caught.value.code == "CONFIG_NOT_ALLOWED"
    assert os.listdir(tmp_path / "out") == []


@posix_only
def test_the_root_directory_ends_in_an_answer() -> None:
    """Where there is nothing further up, the search ends; the root itself is a directory like any other."""
    from workflow_mcp.workspace.directories import check_directory
    from workflow_mcp.workspace.init import project_top

    assert project_top(check_directory("/", "option"), home="/nonexistent") == "/"


@pytest.mark.parametrize("name", ["x", "x" * 255, "ü ü", "日本", "a/b"])
def test_a_good_name_is_taken(tmp_path: Path, name: str) -> None:
    """A name that a config may hold is taken as it is."""
    assert members(init(tmp_path, name=name).config_path)["project"]["name"] == name


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\nb", "\0", "\ud800", "\u202e"])
def test_a_bad_name_is_refused_and_nothing_made(tmp_path: Path, name: str) -> None:
    """NAME_INVALID in one line with the value, and no folder."""
    with pytest.raises(UsageError) as caught:
        init(tmp_path, name=name)
    assert caught.value.code == "NAME_INVALID"
    assert len(str(caught.value).splitlines()) == 1
    str(caught.value).encode()
    assert os.listdir(tmp_path) == []


@posix_only
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", "plain"),
        ("a b", "a b"),
        ("a#%'ü", "a#%'ü"),
        ("new\nline", "new line"),
        ("\n", "project"),
        ("\u202e", "project"),
    ],
)
def test_a_default_name_is_always_good(tmp_path: Path, name: str, expected: str) -> None:
    """Whatever the directory is called, its default name is one a config may hold."""
    (tmp_path / name).mkdir()
    assert members(init(tmp_path / name).config_path)["project"]["name"] == expected
    assert default_name("/") == "project"


def _init_at_once(directory: str, ready: Any, results: Any) -> None:
    ready.wait(BOUND)
    done = init(directory)
    results.put(members(done.config_path)["project"]["id"])


@posix_only
@pytest.mark.parametrize("content", [None, config_text(project_id=None)])
def test_ten_processes_at_once_end_with_one_id(tmp_path: Path, content: str | None) -> None:
    """Ten processes that initialise one directory at once all see one id, which is the file's."""
    if content is not None:
        write_config(tmp_path, content)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.workspace.test_init", "tests.workspace.test_worktrees"])
    ready, results = context.Barrier(10), context.Queue()
    processes = [context.Process(target=_init_at_once, args=(str(tmp_path), ready, results)) for _ in range(10)]
    for process in processes:
        process.start()
    ids = [results.get(timeout=BOUND) for _ in processes]
    for process in processes:
        process.join(BOUND)
        assert process.exitcode == 0
    assert set(ids) == {members(config_path_in(str(tmp_path)))["project"]["id"]}
    assert os.listdir(tmp_path / ".workflow-mcp") == ["config.json"]
