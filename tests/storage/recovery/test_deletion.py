"""Deleting projects: every acknowledged change is in the trash, and no empty project takes the place of one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.workers import Worker
from tests.storage.recovery.support import Live, beside, live, whole
from tests.storage.support import file_of, make, open_store, raw, refused, titles
from tests.support import posix_only
from workflow_mcp.errors import StoreError, UsageError, WorkflowError
from workflow_mcp.storage.sqlite.backups import back_up, begin_anew, restore
from workflow_mcp.storage.sqlite.connections import exclusive
from workflow_mcp.storage.sqlite.deletion import delete, undelete
from workflow_mcp.storage.sqlite.examination import examine_store
from workflow_mcp.storage.sqlite.glance import glance, ids_of
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import LOG
from workflow_mcp.storage.sqlite.trash import copies_in
from workflow_mcp.work.values import Actor, Project

KILLS = Path(__file__).with_name("deletion_kills.py")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def known(tmp_path: Path) -> KnownProjects:
    """The memory of the data directory `data`."""
    return KnownProjects(tmp_path / "data", tmp_path / "state")


def trash_of(data: Path) -> list[Path]:
    """The copies in the trash, the newest first."""
    return [Path(copy.file) for copy in copies_in(str(data / "trash"))]


async def write_until_refused(server: Live, name: str, begun: asyncio.Event) -> tuple[set[str], str]:
    """What a server acknowledged, and its answer when it did not any more."""
    acknowledged: set[str] = set()
    while True:
        title = f"{name}{len(acknowledged)}"
        answer = await server.ask(title)
        if answer != f"ok {title}":
            return acknowledged, answer
        acknowledged.add(title)
        if len(acknowledged) == 5:
            begun.set()


async def test_every_acknowledged_change_is_in_the_copy(tmp_path: Path, project: Project, known: KnownProjects) -> None:
    """While four processes write; all of them are told, none makes a new file, and all go on once it is restored."""
    data = tmp_path / "data"
    async with AsyncExitStack() as processes:
        servers = [await processes.enter_async_context(live(data, project)) for _ in range(4)]
        begun = [asyncio.Event() for _ in servers]
        writing = [
            asyncio.create_task(write_until_refused(server, name, event))
            for server, name, event in zip(servers, "abcd", begun, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in begun))
        done = await asyncio.to_thread(delete, data, known, project.known_id, NOW)
        ends = await asyncio.wait_for(asyncio.gather(*writing), 150)
        acknowledged = set().union(*(titles for titles, _ in ends))
        for _, answer in ends:
            assert answer.startswith("error PROJECT_DELETED: "), answer
            assert f"`workflow-mcp projects restore {project.id}`" in answer
        assert [Path(done.file)] == trash_of(data)
        assert [path.name for path in (data / "projects").iterdir() if not path.name.startswith(".")] == []
        assert {title for (title,) in raw(Path(done.file), "SELECT title FROM items")} == acknowledged
        await asyncio.to_thread(undelete, data, known, project.known_id)
        for server in servers:
            assert await server.titles() == acknowledged
        await servers[0].make("more")
        assert await servers[1].titles() == acknowledged | {"more"}
    assert trash_of(data) == []
    assert whole(file_of(data, project)) == acknowledged | {"more"}


async def test_a_deleted_project_is_never_begun_anew(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """By its id or its name, in a store that had it open or another, by a glance or a command."""
    data = tmp_path / "data"
    async with open_store(data) as store, open_store(data) as later:
        await make(store, project, ana, "x")
        delete(data, known, project.known_id, NOW)
        for one in (store, later):
            for call in (
                make(one, project, ana, "y"), titles(one, project), one.find_project(project.known_id),
                one.find_project(project.name), one.find_project_by_name(project.name), one.ensure(project),
                one.find_or_create_project(project.name), one.rename_project(project, "z"),
                one.archive_project(project), one.repositories(project),
            ):  # fmt: skip
                error = await refused("PROJECT_DELETED", call)
                assert f"'{project.name}' was deleted at 2026-11-25 12:00 UTC" in str(error)
            page = await one.list_projects()
            assert (page.projects, page.problems) == ((), ())
        assert (await later.find_or_create_project("another")).id != project.id
    path = str(file_of(data, project))
    acts: list[Callable[[], Any]] = [
        lambda: begin_anew(data, known, project),
        lambda: back_up(data, project.known_id, str(tmp_path / "new.db")),
        lambda: delete(data, known, project.known_id, NOW),
        lambda: ids_of(data, project.name),
        lambda: glance(path, project.known_id, name=project.name, holder=None, now=NOW),
        lambda: glance(path, project.known_id, name="", holder=None, now=NOW),
    ]
    for act in acts:
        with pytest.raises(StoreError, match="PROJECT_DELETED"):
            act()
    assert not file_of(data, project).exists()
    assert known.names() == {}


async def test_a_project_of_the_same_name_stands_for_itself(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """A deleted one of its name is in nobody's way, and neither is found for the other."""
    data, namesake = tmp_path / "data", Project("22222222-2222-4222-8222-222222222222", project.name)
    async with open_store(data) as store:
        await make(store, project, ana, "old")
        await make(store, namesake, ana, "new")
        delete(data, known, project.known_id, NOW)
        assert await store.find_or_create_project(project.name) == namesake
        assert ids_of(data, project.name) == [namesake.id]
        undelete(data, known, project.known_id)
        await refused("PROJECT_AMBIGUOUS", store.find_or_create_project(project.name))
        assert await titles(store, project) == ["old"]


async def test_two_restores_at_once(tmp_path: Path, project: Project, ana: Actor, known: KnownProjects) -> None:
    """One of them restores it, the other is told that it is there; nothing is replaced."""
    data = tmp_path / "data"
    async with open_store(data) as store:
        await make(store, project, ana, "x")
        delete(data, known, project.known_id, NOW)
        both = await asyncio.gather(
            *(asyncio.to_thread(undelete, data, known, project.known_id) for _ in range(2)), return_exceptions=True
        )
        (done,) = (one for one in both if not isinstance(one, BaseException))
        (late,) = (one for one in both if isinstance(one, UsageError))
        assert done.kept is None
        assert late.code == "FILE_EXISTS"
        assert await titles(store, project) == ["x"]
    assert trash_of(data) == []


@pytest.mark.parametrize("fault", ["damaged", "read-only", "locked by the system", "gone", "unknown"])
async def test_what_cannot_be_copied_whole_is_not_deleted(
    *, tmp_path: Path, project: Project, ana: Actor, known: KnownProjects, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The error says why, the file is what it was, and there is nothing of it in the trash."""
    data = tmp_path / "data"
    async with open_store(data) as store:
        await make(store, project, ana, *(f"{n}" * 90 for n in range(9)))
    known.remember(project)
    path, project_id, code = file_of(data, project), project.known_id, "STORE_NOT_FOUND"
    if fault == "damaged":
        content, code = path.read_bytes(), "STORE_DAMAGED"
        path.write_bytes(content[: len(content) // 2] + b"\1" * (len(content) - len(content) // 2))
    elif fault == "read-only":
        path.chmod(0o444)
        code = "STORE_READ_ONLY"
    elif fault == "locked by the system":
        unlink, code = os.unlink, "STORE_READ_ONLY"
        held = PermissionError(13, "it is in use")
        monkeypatch.setattr(os, "unlink", lambda file: _raise(held) if file == str(path) else unlink(file))
    elif fault == "gone":
        path.unlink()
    else:
        project_id = "99999999-9999-4999-8999-999999999999"
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(StoreError, match=code):
        delete(data, known, project_id, NOW)
    assert (path.read_bytes() if path.exists() else None) == before
    assert trash_of(data) == []
    assert known.names() == {project.known_id: project.name}


def _raise(error: Exception) -> None:
    raise error


async def test_the_newest_copy_is_restored_and_the_others_stay(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """Where a backup brought a deleted project back; while there is a file, no copy is taken for a deletion."""
    data = tmp_path / "data"
    async with open_store(data) as store:
        await make(store, project, ana, "a")
        back_up(data, project.known_id, str(tmp_path / "backup.db"))
        await make(store, project, ana, "b")
        delete(data, known, project.known_id, NOW)
        restore(data, known, str(tmp_path / "backup.db"))
        assert await titles(store, project) == ["a"]
        found = {one.detail.split(": ")[0]: one for one in examine_store(data, known)}
        (first,) = trash_of(data)
        assert found[str(first)].detail.endswith("which is there again; `workflow-mcp restore` takes this copy")
        with pytest.raises(UsageError, match="FILE_EXISTS"):
            undelete(data, known, project.known_id)
        await make(store, project, ana, "c")
        delete(data, known, project.known_id, NOW + timedelta(days=1))
        undelete(data, known, project.known_id)
        assert await titles(store, project) == ["a", "c"]
        assert trash_of(data) == [first]
        restore(data, known, str(first))
        assert await titles(store, project) == ["a", "b"]


async def test_a_copy_that_is_not_the_project_s_is_not_restored(
    tmp_path: Path, project: Project, other: Project, ana: Actor, known: KnownProjects
) -> None:
    """Nor one that was damaged; both are named by the examination, and stay."""
    data = tmp_path / "data"
    async with open_store(data) as store:
        await make(store, project, ana, "x")
        await make(store, other, ana, "y")
    for one in (project, other):
        delete(data, known, one.known_id, NOW)
    mine, theirs = (next((data / "trash").glob(f"{one.id}*.db")) for one in (project, other))
    mine.write_bytes(theirs.read_bytes())
    theirs.write_bytes(b"?" * 5000)
    for one, code in ((project, "STORE_WRONG_PROJECT"), (other, "STORE_DAMAGED")):
        with pytest.raises(WorkflowError, match=code):
            undelete(data, known, one.known_id)
        async with open_store(data) as store:
            await refused("PROJECT_DELETED", make(store, one, ana, "z"))
    assert [one.is_problem for one in examine_store(data, known)] == [True, True]
    assert len(trash_of(data)) == 2


def test_a_file_that_was_taken_away_is_not_made_again(tmp_path: Path) -> None:
    """By a process that wanted to upgrade it: what it would leave there is an empty file."""
    with pytest.raises(FileNotFoundError), exclusive(str(tmp_path / "x.db")):
        pass
    assert list(tmp_path.iterdir()) == []


@posix_only
async def test_a_kill_at_any_step_leaves_it_whole(tmp_path: Path, project: Project, ana: Actor) -> None:
    """Of deleting or restoring it: it is there, or deleted and can be restored, with what was in a log alone, too."""
    data = tmp_path / "data"
    async with live(data, project) as server:
        await server.make("a", "b")
        await server.kill()
    assert beside(file_of(data, project), LOG).stat().st_size
    killed = await Worker.start(KILLS, data, project.known_id)
    steps, err = await asyncio.wait_for(killed.communicate(), 150)
    assert (killed.returncode, err) == (0, b"")
    copies = [Path(line) for line in steps.decode().splitlines()]
    states = {(copy.name.split(".")[-2], file_of(copy, project).exists()) for copy in copies}
    assert states == {(what, is_there) for what in ("delete", "undelete") for is_there in (True, False)}
    for copy in copies:
        memory = KnownProjects(copy, copy / "state")
        async with open_store(copy) as store:
            if file_of(copy, project).exists():
                assert await titles(store, project) == ["a", "b"]
                delete(copy, memory, project.known_id, datetime.now(UTC))
            await refused("PROJECT_DELETED", make(store, project, ana, "x"))
        undelete(copy, memory, project.known_id)
        assert whole(file_of(copy, project)) == {"a", "b"}
