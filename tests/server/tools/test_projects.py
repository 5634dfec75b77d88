"""Which project the work is kept under: ids, names, choices, and what a config forbids."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.agents import Agent, Calls, agent_on, cursor_in, ids_in, make_project
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.processes import run
from tests.clients.protocol import MODERN, Era
from tests.clients.stdio import environment
from tests.support import (
    PROJECT_ID,
    DictStore,
    config_text,
    posix_only,
    unprivileged,
    write_config,
)
from workflow_mcp import build_server
from workflow_mcp.server.fitting import MAX_ANSWER_BYTES
from workflow_mcp.storage.sqlite.deletion import delete
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.work.export_format import FORMAT


def config_in(folder: Path) -> dict[str, Any]:
    """A folder's config."""
    config: dict[str, Any] = json.loads((folder / ".workflow-mcp" / "config.json").read_text())
    return config


def id_in(folder: Path) -> str | None:
    """The id in a folder's config."""
    found: str | None = config_in(folder)["project"].get("id")
    return found


def files_in(base: Path) -> list[str]:
    """The ids of the projects that have a file under `base`'s data."""
    return sorted(path.stem for path in (base / "data" / "projects").glob("*.db"))


async def test_a_config_without_an_id_gets_one(era: Era, tmp_path: Path) -> None:
    """A hand-written config gets an id with the first call for its work, once; the rest of the file stays."""
    folder = make_project(tmp_path, "mine", with_id=False, description="by hand", my_own=[1])
    async with agent_on(tmp_path, folder, era=era) as agent:
        assert id_in(folder) is None, "saying where one works writes nothing"
        await agent.create("one")
        written = (folder / ".workflow-mcp" / "config.json").read_bytes()
        await agent.create("two")
        assert (folder / ".workflow-mcp" / "config.json").read_bytes() == written
        assert (await agent.data("get_working_directory"))["project"]["id"] == id_in(folder)
        assert ids_in(await agent.told("list_work_items")) == [1, 2]
    assert files_in(tmp_path) == [id_in(folder)]
    assert (config_in(folder)["description"], config_in(folder)["my_own"]) == ("by hand", [1])


async def test_a_config_without_an_id_finds_the_project_of_its_name(tmp_path: Path) -> None:
    """Where one project of that name is known, it is that one; its id is written."""
    known = make_project(tmp_path, "shared", folder="known")
    by_hand = make_project(tmp_path, "shared", folder="by-hand", with_id=False)
    async with agent_on(tmp_path, known) as agent:
        await agent.create("one")
        await agent.go(by_hand)
        assert await agent.titles() == ["one"]
        assert id_in(by_hand) is None, "reading writes nothing"
        await agent.create("two")
    assert id_in(by_hand) == id_in(known)
    assert files_in(tmp_path) == [id_in(known)]


async def test_two_projects_of_one_name(era: Era, tmp_path: Path) -> None:
    """A name that two projects have decides nothing: not for a config without an id, nor for `switch_project`."""
    folders = [make_project(tmp_path, "twin", folder=name) for name in ("a", "b")]
    by_hand = make_project(tmp_path, "twin", folder="c", with_id=False)
    async with agent_on(tmp_path, folders[0], era=era) as agent:
        for number, folder in enumerate(folders):
            await agent.go(folder)
            await agent.create(f"of {number}")
        await agent.go(by_hand)
        for tool, arguments in [("list_work_items", {}), ("switch_project", {"project": "twin"})]:
            told = await agent.refused("PROJECT_AMBIGUOUS", tool, **arguments)
            assert all(str(id_in(folder)) in told for folder in folders)
        assert id_in(by_hand) is None
        await agent.data("switch_project", project=str(id_in(folders[1])).upper())
        assert await agent.titles() == ["of 1"]
    assert len(files_in(tmp_path)) == 2


async def test_ten_at_once_agree_on_one_id(tmp_path: Path) -> None:
    """Ten servers whose clients first work in one hand-written project at once: one id, one file, all the work."""
    folder = make_project(tmp_path, "mine", with_id=False)

    async def work(number: int) -> None:
        async with agent_on(tmp_path, folder) as agent:
            await agent.create(f"item {number}")

    await asyncio.gather(*(work(number) for number in range(10)))
    assert files_in(tmp_path) == [id_in(folder)]
    async with agent_on(tmp_path, folder) as agent:
        assert sorted(await agent.titles()) == [f"item {number}" for number in range(10)]


def test_processes_agree_on_one_id(tmp_path: Path) -> None:
    """The same of four processes, in two folders that give one name."""
    folders = [make_project(tmp_path, "mine", folder=name, with_id=False) for name in ("a", "b")]
    first = {"kind": "project", "format": FORMAT, "id": str(uuid4()), "name": "x"}
    last = {"kind": "end", "items": 0, "links": 0, "notes": 0, "events": 0}
    (tmp_path / "nothing.jsonl").write_text(f"{json.dumps(first)}\n{json.dumps(last)}\n")

    def work(number: int) -> str:
        done = run(["import", str(tmp_path / "nothing.jsonl")], cwd=folders[number % 2], env=environment(tmp_path))
        return f"{done.returncode} {done.stdout.strip()} {done.stderr}"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(work, range(4)))
    assert said.count("0 0 items imported into mine ") == 1
    repeated = "0 nothing imported into mine: this file was imported before "
    assert all(one == repeated or "IMPORT_RUNNING" in one for one in said if "0 items" not in one)
    assert files_in(tmp_path) == [id_in(folders[0])] == [id_in(folders[1])]


@posix_only
def test_a_config_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The project is found by its name, and the answer to a change says that the id could not be written."""
    folder = make_project(tmp_path, "fixed", with_id=False)
    before = (folder / ".workflow-mcp" / "config.json").read_bytes()
    (folder / ".workflow-mcp").chmod(0o555)

    async def work() -> None:
        async with agent_on(tmp_path, folder) as agent:
            created = await agent.told("create_work_items", items=[{"title": "one"}])
            assert created.splitlines()[0].startswith("project: fixed |")
            assert "could not be written" in created.splitlines()[-1]
            assert str(folder) in created.splitlines()[-1]
            assert await agent.titles() == ["one"]
        async with agent_on(tmp_path, folder) as another:
            assert await another.titles() == ["one"], "a later server finds the same"

    unprivileged(lambda: asyncio.run(work()))
    assert len(files_in(tmp_path)) == 1
    assert (folder / ".workflow-mcp" / "config.json").read_bytes() == before


async def test_without_auto_switch(era: Era, tmp_path: Path) -> None:
    """`auto_switch=false`: no project until this session has chosen one; the error names the call that does."""
    folder = make_project(tmp_path, "manual", auto_switch=False)
    other = make_project(tmp_path, "other")
    async with agent_on(tmp_path, other, era=era) as agent:
        await agent.create("of other")
        await agent.go(folder)
        told = await agent.refused("NO_PROJECT", "list_work_items")
        assert "auto_switch is false" in told
        assert f'switch_project(project="{id_in(folder)}")' in told
        assert (await agent.data("get_working_directory"))["project"] is None
        chosen = await agent.data("switch_project", project="other")
        assert chosen["project"] == {"id": id_in(other), "name": "other"}
        assert "chosen with switch_project" in chosen["message"]
        assert await agent.titles() == ["of other"]
        await agent.data("switch_project", project="")
        await agent.refused("NO_PROJECT", "list_work_items")


async def test_without_auto_switch_the_named_call_works(tmp_path: Path) -> None:
    """The call that `NO_PROJECT` names leads into a project that nobody has worked in yet, with an id or without."""
    for name, with_id in [("manual", True), ("by-hand", False)]:
        folder = make_project(tmp_path, name, with_id=with_id, auto_switch=False)
        async with agent_on(tmp_path, folder) as agent:
            told = await agent.refused("NO_PROJECT", "list_work_items")
            (named,) = re.findall(r'switch_project\(project="(.+?)"\)', told)
            chosen = await agent.data("switch_project", project=named)
            assert chosen["project"] == {"id": id_in(folder), "name": name}
            assert await agent.create("one") == [1]
        assert str(id_in(folder)) in files_in(tmp_path)


async def test_strict_mode(era: Era, tmp_path: Path) -> None:
    """`strict_mode` refuses another project, then and later; its own may be chosen, and "" always leads back."""
    strict, other = make_project(tmp_path, "strict", strict_mode=True), make_project(tmp_path, "other")
    async with agent_on(tmp_path, other, era=era) as agent:
        await agent.create("of other")
        await agent.go(strict)
        await agent.create("of strict")
        told = await agent.refused("STRICT_MODE", "switch_project", project="other")
        assert str(strict) in told
        assert await agent.titles() == ["of strict"], "the refused choice chose nothing"
        await agent.data("switch_project", project="strict")
        assert await agent.titles() == ["of strict"]
        await agent.data("switch_project", project="")
        loose = make_project(tmp_path, "strict", strict_mode=False)
        await agent.data("switch_project", project="other")
        write_config(loose, config_text("strict", project_id=str(uuid4()), strict_mode=True))
        await agent.refused("STRICT_MODE", "list_work_items")
        assert (await agent.data("switch_project", project=""))["project"]["name"] == "strict"
        assert await agent.titles() == []


CHANGES: Calls = [
    ("create_work_items", {"items": [{"title": "x"}]}),
    ("claim_work_item", {}),
    ("update_work_items", {"updates": [{"id": 1, "note": "x"}]}),
    ("link_work_items", {"id": 1, "other": 2, "kind": "blocks"}),
    ("delete_work_items", {"ids": [1]}),
    ("delete_work_items", {"ids": [1], "restore": True}),
]


async def test_dry_run(era: Era, tmp_path: Path) -> None:
    """`dry_run` refuses every change and says what it would have been; nothing is written, not even a file made."""
    folder = make_project(tmp_path, "dry", dry_run=True)
    before = (folder / ".workflow-mcp" / "config.json").read_bytes()
    async with agent_on(tmp_path, folder, era=era) as agent:
        for tool, arguments in CHANGES:
            told = await agent.refused("DRY_RUN", tool, **arguments)
            assert "would be" in told
            assert str(folder) in told
    assert (folder / ".workflow-mcp" / "config.json").read_bytes() == before
    assert not (tmp_path / "data" / "projects").exists()


async def test_dry_run_can_be_read(tmp_path: Path) -> None:
    """What is there can be read under `dry_run`, and is as it was; what is not there is not made."""
    folder = make_project(tmp_path, "dry")
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("one")
        project_id = str(id_in(folder))
        write_config(folder, config_text("dry", project_id=project_id, dry_run=True))
        assert await agent.titles() == ["one"]
        before = await agent.data("get_work_item", id=1)
        for tool, arguments in CHANGES:
            assert "would be" in await agent.refused("DRY_RUN", tool, **arguments)
        assert await agent.data("get_work_item", id=1) == before
        assert await agent.titles(view="all") == ["one"]
        await agent.go(make_project(tmp_path, "empty", dry_run=True))
        assert await agent.titles() == []
        await agent.refused("DRY_RUN", "switch_project", project="empty")
    assert files_in(tmp_path) == [project_id]


async def test_dry_run_without_an_id(tmp_path: Path) -> None:
    """Under `dry_run` a config without an id is left without one, and no project is made."""
    folder = make_project(tmp_path, "dry", with_id=False, dry_run=True)
    before = (folder / ".workflow-mcp" / "config.json").read_bytes()
    async with agent_on(tmp_path, folder) as agent:
        assert await agent.titles() == []
        await agent.refused("DRY_RUN", "create_work_items", items=[{"title": "x"}])
    assert (folder / ".workflow-mcp" / "config.json").read_bytes() == before
    assert os.listdir(folder / ".workflow-mcp") == ["config.json"]
    assert not (tmp_path / "data" / "projects").exists()


async def two_projects(base: Path) -> tuple[Path, Path]:
    """The projects `here` and `there` with an item each, named after them."""
    here, there = make_project(base, "here"), make_project(base, "there")
    async with agent_on(base, here) as agent:
        await agent.create("of here")
        await agent.go(there)
        await agent.create("of there")
    return here, there


async def test_a_choice_is_one_sessions(tmp_path: Path) -> None:
    """Of two handles of one client in one directory, the one that switches moves and the other stays."""
    here, _there = await two_projects(tmp_path)
    async with in_memory(build_server(isolated_settings(tmp_path)), MODERN) as peer:
        agents = [Agent(peer)]
        await agents[0].go(here)
        for _ in range(2):
            made = await agents[0].data("set_working_directory", directory=str(here), new_session=True)
            agents.append(Agent(peer, made["session"]))
        switched = await agents[1].data("switch_project", project="there")
        assert (switched["session"], switched["project"]["name"]) == (agents[1].session, "there")
        assert [await agent.titles() for agent in agents] == [["of here"], ["of there"], ["of here"]]
        await agents[1].data("switch_project", project="")
        assert [await agent.titles() for agent in agents] == [["of here"]] * 3


async def test_a_choice_is_one_clients(tmp_path: Path) -> None:
    """Of two clients of one server, the one that switches moves and the other stays; so do their claims."""
    here, _there = await two_projects(tmp_path)
    server = build_server(isolated_settings(tmp_path))
    async with in_memory(server, "legacy") as one, in_memory(server, "legacy") as other:
        agents = [Agent(one), Agent(other)]
        for agent in agents:
            await agent.go(here)
        await agents[0].data("switch_project", project="there")
        claims = await asyncio.gather(*(agent.data("claim_work_item") for agent in agents))
        assert [(claim["project"], claim["item"]["title"]) for claim in claims] == [
            ("there", "of there"),
            ("here", "of here"),
        ]


async def test_a_choice_ends_with_its_directory(era: Era, tmp_path: Path) -> None:
    """Setting a directory, another or the same, goes back to what the config there says."""
    here, _there = await two_projects(tmp_path)
    third = make_project(tmp_path, "third")
    async with agent_on(tmp_path, here, era=era) as agent:
        for next_directory, name in [(third, "third"), (here, "here")]:
            assert (await agent.data("switch_project", project="there"))["project"]["name"] == "there"
            assert (await agent.data("get_working_directory"))["project"]["name"] == "there"
            await agent.go(next_directory)
            assert (await agent.data("get_working_directory"))["project"]["name"] == name


@pytest.mark.parametrize("how", [lambda agent: agent.data("end_session"), lambda agent: agent.go("/")])
async def test_a_choice_without_a_project_of_ones_own(how: Callable[[Agent], Awaitable[Any]], tmp_path: Path) -> None:
    """From a directory that is in no project another can be chosen; when that ends there is none again."""
    await two_projects(tmp_path)
    (tmp_path / "plain").mkdir()
    async with agent_on(tmp_path, tmp_path / "plain") as agent:
        await agent.refused("NO_PROJECT", "list_work_items")
        await agent.data("switch_project", project="there")
        assert await agent.titles() == ["of there"]
        await how(agent)
        assert (await agent.call("list_work_items")).code in ("NO_PROJECT", "NO_DIRECTORY")


async def test_a_choice_survives_a_restart(tmp_path: Path) -> None:
    """A session that is kept in a store still works in the project it chose after its server was restarted."""
    here, _there = await two_projects(tmp_path)
    store = DictStore()
    async with in_memory(build_server(isolated_settings(tmp_path), session_store=store), MODERN) as peer:
        made = await Agent(peer).data("set_working_directory", directory=str(here), new_session=True)
        await Agent(peer, made["session"]).data("switch_project", project="there")
    async with in_memory(build_server(isolated_settings(tmp_path), session_store=store), MODERN) as peer:
        agent = Agent(peer, made["session"])
        assert await agent.titles() == ["of there"]
        await agent.data("switch_project", project="")
        assert await agent.titles() == ["of here"]


async def test_unknown_projects(era: Era, tmp_path: Path) -> None:
    """What no project is called or numbered is refused, and the session stays where it was."""
    here, _there = await two_projects(tmp_path)
    async with agent_on(tmp_path, here, era=era) as agent:
        for name in ("nowhere", str(uuid4()), "THERE", "here ", "../here", "x" * 5000, "%"):
            assert "list_projects()" in await agent.refused("PROJECT_UNKNOWN", "switch_project", project=name)
        assert await agent.titles() == ["of here"]


async def test_a_chosen_project_that_is_gone(tmp_path: Path) -> None:
    """When the file of a chosen project is gone, calls are refused until another is chosen; none is used instead."""
    here, there = await two_projects(tmp_path)
    async with agent_on(tmp_path, here) as agent:
        await agent.data("switch_project", project="there")
        for path in (tmp_path / "data" / "projects").glob(f"{id_in(there)}*"):
            path.unlink()
        await agent.refused("STORE_NOT_FOUND", "create_work_items", items=[{"title": "lost?"}])
        await agent.data("switch_project", project="")
        assert await agent.titles() == ["of here"]


async def test_list_projects(era: Era, tmp_path: Path) -> None:
    """All projects with work, by name, one's own marked, narrowed by text, page by page; from anywhere."""
    folders = {name: make_project(tmp_path, name) for name in ("Zoo", "apple", "Äpfel", "apple pie", "bear")}
    make_project(tmp_path, "never used")
    async with in_memory(build_server(isolated_settings(tmp_path)), era) as peer:
        agent = Agent(peer)
        assert await agent.told("list_projects") == "projects: 0 shown"
        for folder in folders.values():
            await agent.go(folder)
            await agent.create("x")
        ids = {name: id_in(folder) for name, folder in folders.items()}
        names = ["apple", "apple pie", "bear", "Zoo", "Äpfel"]
        told = await agent.told("list_projects")
        rows = [f"{name}  {ids[name]}{'  (yours)' if name == 'bear' else ''}" for name in names]
        assert told.splitlines() == ["projects: 5 shown", *rows]
        assert (await agent.told("list_projects", text="APPLE")).splitlines()[1:] == rows[:2]
        found, cursor = list[str](), None
        while True:
            told = await agent.told("list_projects", limit=2, **({} if cursor is None else {"cursor": cursor}))
            found += told.splitlines()[1:]
            if (cursor := cursor_in(told)) is None:
                break
        assert found == rows
        await agent.refused("CURSOR_INVALID", "list_projects", text="a", cursor="x")
        await agent.refused("LIMIT_INVALID", "list_projects", limit=0)


async def test_same_named_projects_are_told_apart(era: Era, tmp_path: Path) -> None:
    """Of projects that share a name the list says where each was last changed from; of others only the id."""
    folders = [make_project(tmp_path, "twin", folder=name) for name in ("a", "b")]
    single = make_project(tmp_path, "single")
    async with agent_on(tmp_path, single, era=era) as agent:
        for folder in (single, *folders):
            await agent.go(folder)
            await agent.create("x")
        twins = sorted((str(id_in(folder)), folder) for folder in folders)
        rows = [f"twin  {one}{'  (yours)' if folder == folders[1] else ''}  in {folder}" for one, folder in twins]
        assert (await agent.told("list_projects")).splitlines()[1:] == [f"single  {id_in(single)}", *rows]


async def test_a_chosen_project_that_is_gone_leaves_the_others_to_be_found(era: Era, tmp_path: Path) -> None:
    """Deleted, or not even in the trash any more: calls for its work say so, and another one can be chosen."""
    here, there = make_project(tmp_path, "here"), make_project(tmp_path, "there")
    data = tmp_path / "data"
    async with agent_on(tmp_path, there, era=era) as agent:
        for folder in (there, here):
            await agent.go(folder)
            await agent.create("x")
        await agent.data("switch_project", project="there")
        delete(data, KnownProjects(data, None), str(id_in(there)), datetime.now(UTC))
        for code in ("PROJECT_DELETED", "STORE_NOT_FOUND"):
            error = await agent.refused(code, "list_work_items")
            assert ("projects restore" in error) is (code == "PROJECT_DELETED")
            assert f"here  {id_in(here)}" in (await agent.told("list_projects")).splitlines()
            shutil.rmtree(data / "trash", ignore_errors=True)
        await agent.data("switch_project", project="here")
        assert await agent.titles() == ["x"]
        assert f"here  {id_in(here)}  (yours)" in await agent.told("list_projects")


async def test_health_is_not_ok_for_a_project_that_was_deleted(era: Era, tmp_path: Path) -> None:
    """What every other call is refused with is what `health_check` says."""
    folder, data = make_project(tmp_path, "here"), tmp_path / "data"
    async with agent_on(tmp_path, folder, era=era) as agent:
        await agent.create("x")
        assert (await agent.data("health_check"))["status"] == "ok"
        delete(data, KnownProjects(data, None), str(id_in(folder)), datetime.now(UTC))
        error = await agent.refused("PROJECT_DELETED", "list_work_items")
        health = await agent.data("health_check")
        assert (health["status"], health["workspace_error"], health["data_error"]) == ("degraded", None, error)


async def test_a_dry_run_chooses_nothing(era: Era, tmp_path: Path) -> None:
    """Under `dry_run` a switch says what would be chosen and chooses nothing; "" leads back as ever."""
    other = make_project(tmp_path, "other")
    async with agent_on(tmp_path, other, era=era) as agent:
        await agent.create("of other")
        await agent.go(make_project(tmp_path, "dry", dry_run=True))
        for named in ("other", str(id_in(other)), "dry"):
            told = await agent.refused("DRY_RUN", "switch_project", project=named)
            assert "would be chosen; nothing was changed" in told
        assert (await agent.data("get_working_directory"))["project"]["name"] == "dry"
        assert await agent.titles(view="all") == []
        assert (await agent.data("switch_project", project=""))["project"]["name"] == "dry"


@pytest.mark.parametrize("letter", ["x", "🚀"])
async def test_many_projects_of_long_names(tmp_path: Path, letter: str) -> None:
    """The list of projects is never more than 20 kB either, and its cursor loses none."""
    here = make_project(tmp_path, "here")
    async with agent_on(tmp_path, here) as agent:
        await agent.create("x")
        (source,) = (tmp_path / "data" / "projects").glob("*.db")
        names = {f"{number:03}".ljust(255, letter) for number in range(70)}
        await _close(agent)
        for name in names:
            _copy_as(source, name)
        found, sizes, cursor = list[str](), list[int](), None
        while True:
            told = await agent.told("list_projects", limit=200, **({} if cursor is None else {"cursor": cursor}))
            found += [line.rsplit("  ", 1)[0] for line in told.splitlines()[1:] if not line.startswith("here")]
            sizes.append(len(told.encode()))
            if (cursor := cursor_in(told)) is None:
                break
    assert sorted(found) == sorted(names)
    assert max(sizes) <= MAX_ANSWER_BYTES


async def _close(agent: Agent) -> None:
    await agent.data("end_session")


def _copy_as(source: Path, name: str) -> None:
    import sqlite3

    project_id = str(uuid4())
    target = source.with_name(f"{project_id}.db")
    with sqlite3.connect(source) as from_, sqlite3.connect(target) as to:
        from_.backup(to)
        to.execute("PRAGMA foreign_keys = OFF")
        for (table,) in to.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [row[1] for row in to.execute(f"PRAGMA table_info({table})")]
            if "project_id" in columns:
                to.execute(f"UPDATE {table} SET project_id = ?", (project_id,))
        to.execute("UPDATE projects SET id = ?, name = ?", (project_id, name))
    from_.close()
    to.close()


async def test_worktrees_and_clones_share_their_work(era: Era, tmp_path: Path) -> None:
    """Two directories whose configs have one id are one project; deep below them too."""
    original = make_project(tmp_path, "repo")
    shutil.copytree(original, tmp_path / "worktree")
    (tmp_path / "worktree" / "src" / "deep").mkdir(parents=True)
    async with agent_on(tmp_path, original, era=era) as agent:
        await agent.create("one")
        await agent.go(tmp_path / "worktree" / "src" / "deep")
        assert await agent.titles() == ["one"]
        await agent.create("two")
        events = (await agent.data("get_work_item", id=2))["events"]
        assert str(tmp_path / "worktree" / "src" / "deep") in events[0]
        await agent.go(original)
        assert await agent.titles() == ["one", "two"]
    assert files_in(tmp_path) == [id_in(original)]


async def test_a_renamed_project_keeps_its_work(tmp_path: Path) -> None:
    """The id is what counts: with a new name in the config the work is there; lists keep the stored name."""
    folder = make_project(tmp_path, "old")
    project_id = str(id_in(folder))
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("one")
        write_config(folder, config_text("new", project_id=project_id))
        assert (await agent.told("list_work_items")).startswith("project: new |")
    async with agent_on(tmp_path, folder) as agent:
        assert await agent.titles() == ["one"]
        await agent.create("two")
        assert f"old  {project_id}" in await agent.told("list_projects")
        assert (await agent.data("switch_project", project="new"))["project"]["id"] == project_id


async def test_no_project(era: Era, tmp_path: Path) -> None:
    """Outside of any project the error names the directory and both ways out, and each of them works."""
    here, _there = await two_projects(tmp_path)
    (tmp_path / "plain").mkdir()
    async with agent_on(tmp_path, tmp_path / "plain", era=era) as agent:
        told = await agent.refused("NO_PROJECT", "list_work_items")
        assert told == (
            f"NO_PROJECT: {tmp_path / 'plain'} is in no project. Next: call init_project() to make it one, "
            "or switch_project(project=...) to work in another."
        )
        await agent.data("switch_project", project=str(id_in(here)))
        assert await agent.titles() == ["of here"]
        await agent.data("switch_project", project="")
        made = await agent.data("init_project")
        assert made["project"]["name"] == "plain"
        assert await agent.create("of plain") == [1]


async def test_a_damaged_file_is_one_projects_trouble(era: Era, tmp_path: Path) -> None:
    """A damaged project file is refused in one line and left as it is; other projects work, and are listed."""
    good, bad = make_project(tmp_path, "good"), make_project(tmp_path, "bad")
    projects = tmp_path / "data" / "projects"
    projects.mkdir(parents=True)
    damaged = projects / f"{id_in(bad)}.db"
    damaged.write_bytes(b"this is no database" * 500)
    async with agent_on(tmp_path, bad, era=era) as agent:
        told = await agent.refused("STORE_DAMAGED", "create_work_items", items=[{"title": "x"}])
        assert str(damaged) in told
        await agent.go(good)
        assert await agent.create("one") == [1]
        listed = await agent.told("list_projects")
        assert f"good  {id_in(good)}  (yours)" in listed
        assert f"! STORE_DAMAGED: {damaged}" in listed
        await agent.refused("STORE_DAMAGED", "switch_project", project="bad")
        await agent.data("switch_project", project="good")
        by_hand = make_project(tmp_path, "by hand", with_id=False)
        await agent.go(by_hand)
        assert await agent.create("two") == [1]
    assert damaged.read_bytes() == b"this is no database" * 500


async def test_another_projects_file(tmp_path: Path) -> None:
    """A file that was put in another's place is refused by both names, and nothing of it is shown."""
    here, there = await two_projects(tmp_path)
    projects = tmp_path / "data" / "projects"
    shutil.copy(projects / f"{id_in(here)}.db", projects / f"{id_in(there)}.db")
    async with agent_on(tmp_path, there) as agent:
        told = await agent.refused("STORE_WRONG_PROJECT", "list_work_items")
        assert "of here" not in told
        await agent.go(here)
        assert await agent.titles() == ["of here"]


async def test_the_file_is_private(tmp_path: Path) -> None:
    """Only their owner can read the projects' files and enter their folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    write_config(folder)
    async with agent_on(tmp_path, folder) as agent:
        await agent.create("one")
        projects = tmp_path / "data" / "projects"
        assert projects.stat().st_mode & 0o777 == 0o700
        files = list(projects.iterdir())
        assert f"{PROJECT_ID}.db" in [path.name for path in files]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
