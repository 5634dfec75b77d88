"""Another repository that joins a project is seen: a config's id is in every copy of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_doctor import details, diagnosis
from tests.clients.agents import Agent
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import ERAS, MODERN, Era
from tests.storage.support import raw
from tests.support import PROJECT_ID, config_text, write_config
from tests.workspace.test_worktrees import add_worktree, git, needs_git
from workflow_mcp import build_server
from workflow_mcp.cli import joining

READS: tuple[tuple[str, dict[str, Any]], ...] = (("list_work_items", {}), ("get_work_item", {"id": 1}))


@pytest.fixture
async def shop(tmp_path: Path) -> Path:
    """A repository that works in its project."""
    folder = repository(tmp_path / "shop", remote="https://ana:secret@example.org/shop.git")
    async with agent_in(folder) as agent:
        await agent.create("one")
    return folder


def repository(folder: Path, *, remote: str | None = None) -> Path:
    """The files of a git repository that has the project's config."""
    (folder / ".git").mkdir(parents=True)
    if remote is not None:
        text = (
            f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {remote}\n\tfetch = +refs/heads/*\n[branch "main"]\n'
        )
        (folder / ".git" / "config").write_text(text)
    write_config(folder)
    return folder


@asynccontextmanager
async def agent_in(folder: Path, era: Era = MODERN, **settings: Any) -> AsyncIterator[Agent]:
    """A client at work in a folder, with a server of its own."""
    async with in_memory(build_server(isolated_settings(folder.parent, **settings)), era) as peer:
        agent = Agent(peer)
        await agent.go(folder)
        yield agent


def known(base: Path) -> list[str]:
    """The places that the store remembers."""
    found = raw(base / "data" / "projects" / f"{PROJECT_ID}.db", "SELECT place FROM repositories ORDER BY joined_at")
    return [place for (place,) in found]


async def answer(agent: Agent, tool: str, arguments: dict[str, Any]) -> str:
    """What a call says, in whatever shape."""
    result = await agent.call(tool, **arguments)
    assert not result.is_error, result.text
    return result.text


@pytest.mark.parametrize("era", ERAS)
async def test_the_first_answer_to_another_repository_says_that_it_joined(tmp_path: Path, shop: Path, era: Era) -> None:
    """Whatever the call is; once, with the way out; and what changes something makes it known to all."""
    assert known(tmp_path) == [str(shop / ".git")]
    copied = repository(tmp_path / "copied")
    said = f"{copied} joined the project 'codebase-mcp', in which {shop} works too."
    for number, (tool, arguments) in enumerate((*READS, ("claim_work_item", {"actor": "ana"}))):
        async with agent_in(copied, era) as agent:
            assert said in await answer(agent, tool, arguments), tool
            assert said not in await answer(agent, "list_work_items", {})
            assert known(tmp_path) == [str(shop / ".git"), str(copied / ".git")][: 1 + (number == len(READS))]
    async with agent_in(copied, era) as agent:
        assert said not in await answer(agent, "list_work_items", {})
        await agent.create("two")
    async with agent_in(shop, era) as agent:
        assert "joined" not in await answer(agent, "list_work_items", {})


async def test_a_change_after_a_look_is_remembered_though_it_is_told_no_more(tmp_path: Path, shop: Path) -> None:
    """The answer to the look told it."""
    copied = repository(tmp_path / "copied")
    async with agent_in(copied) as agent:
        await agent.told("list_work_items")
        assert "joined" not in await agent.told("create_work_items", items=[{"title": "x"}])
    assert str(copied / ".git") in known(tmp_path)
    assert shop.is_dir()


async def test_worktrees_and_clones_join_silently(tmp_path: Path, shop: Path) -> None:
    """The same common folder, the same remote whatever the password in it, or a clone of that very folder."""
    tree = add_worktree(shop, tmp_path / "tree")
    write_config(tree)
    clone = repository(tmp_path / "clone", remote="https://bob:other@example.org/shop.git")
    local = repository(tmp_path / "local", remote=str(shop))
    for folder in (tree, clone, local):
        async with agent_in(folder) as agent:
            assert "joined" not in await agent.told("list_work_items")
            await agent.create("x")
    assert known(tmp_path) == [str(folder / ".git") for folder in (shop, clone, local)]


async def test_a_folder_that_only_says_it_is_a_worktree_is_none(tmp_path: Path, shop: Path) -> None:
    """A `.git` file can name any repository; only that repository's own word counts."""
    liar = tmp_path / "liar"
    liar.mkdir()
    (liar / ".git").write_text(f"gitdir: {shop / '.git'}\n")
    write_config(liar)
    async with agent_in(liar) as agent:
        assert f"{liar} joined" in await agent.told("list_work_items")


@needs_git
async def test_a_clone_without_its_remote_is_known_by_its_first_commit(tmp_path: Path) -> None:
    """However many commits came since, on either side."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q")
    git(origin, "commit", "-q", "--allow-empty", "-m", "first")
    write_config(origin)
    async with agent_in(origin) as agent:
        await agent.create("x")
    git(tmp_path, "clone", "-q", "origin", "clone")
    git(tmp_path / "clone", "remote", "remove", "origin")
    git(tmp_path / "clone", "commit", "-q", "--allow-empty", "-m", "second")
    write_config(tmp_path / "clone")
    async with agent_in(tmp_path / "clone") as agent:
        assert "joined" not in await agent.told("list_work_items")


async def test_asking_refuses_until_the_user_joined(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looks and changes alike, and not only once; a server that refused sees that the command was run."""
    copied = repository(tmp_path / "copied")
    async with agent_in(copied, join="ask") as agent:
        for tool, arguments in (*READS, ("create_work_items", {"items": [{"title": "x"}]})):
            assert str(shop) in await agent.refused("REPOSITORY_UNKNOWN", tool, **arguments)
        asked = partial(diagnosis, copied, tmp_path, join="ask", data_dir=tmp_path / "data")
        [(verdict, detail)] = details(await asyncio.to_thread(asked), "repositories")
        assert verdict == "problem"
        assert "workflow-mcp join" in detail
        assert known(tmp_path) == [str(shop / ".git")]
        monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "data"))
        await asyncio.to_thread(joining.join, str(copied))
        assert capsys.readouterr().out == (f"{copied} joined the project 'codebase-mcp', in which {shop} works too.\n")
        assert "one" in await agent.told("list_work_items")
    async with agent_in(shop, join="ask") as agent:
        assert "one" in await agent.told("list_work_items")


async def test_asking_writes_no_id_into_a_config_that_may_not_join(tmp_path: Path) -> None:
    """A hand-written name that another folder's config has as well is refused before anything is written."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_config(folder, config_text("notes", project_id=None))
    async with agent_in(first, join="ask") as agent:
        await agent.create("x")
        await agent.go(second)
        await agent.refused("REPOSITORY_UNKNOWN", "create_work_items", items=[{"title": "y"}])
        assert '"id"' not in (second / ".workflow-mcp" / "config.json").read_text()


async def test_a_project_that_is_chosen_is_not_joined(tmp_path: Path, shop: Path) -> None:
    """`switch_project` is the user's own word."""
    other = tmp_path / "other"
    other.mkdir()
    async with agent_in(other, join="ask") as agent:
        await agent.data("switch_project", project=PROJECT_ID)
        await agent.create("x")
    assert known(tmp_path) == [str(shop / ".git")]


def test_doctor_says_which_folders_share_a_project(tmp_path: Path) -> None:
    """Also unrelated folders whose configs were given one name by hand; it remembers nothing by looking."""

    async def work() -> None:
        async with agent_in(tmp_path / "a") as agent:
            for name in ("a", "b"):
                await agent.go(tmp_path / name)
                await agent.create(name)

    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        write_config(tmp_path / name, config_text("notes", project_id=None))
    asyncio.run(work())
    data = tmp_path / "data"
    steps = {name: details(diagnosis(tmp_path / name, tmp_path, data_dir=data), "repositories") for name in "abc"}
    assert steps["a"] == [("ok", f"{tmp_path / 'a'}, and also {tmp_path / 'b'}")]
    assert steps["c"][0][1].startswith(f"{tmp_path / 'a'}, {tmp_path / 'b'} works in this project")
    (file,) = (data / "projects").glob("*.db")
    assert len(raw(file, "SELECT * FROM repositories")) == 2
    elsewhere = diagnosis(tmp_path / "c", tmp_path, data_dir=tmp_path / "elsewhere")
    assert details(elsewhere, "repositories") == []
