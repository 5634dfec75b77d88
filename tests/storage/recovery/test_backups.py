"""Backup, restore and the examination of a data directory."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.storage.recovery.support import beside, copied_by_hand, live, whole
from tests.storage.support import file_of, make, open_store, raw, refused, start_worker, titles
from workflow_mcp.errors import StoreError, UsageError
from workflow_mcp.storage.sqlite.backups import back_up, begin_anew, restore
from workflow_mcp.storage.sqlite.examination import examine_store
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.work.values import Actor, Project


@pytest.fixture
def known(tmp_path: Path) -> KnownProjects:
    """The memory of the data directory `data`."""
    return KnownProjects(tmp_path / "data", tmp_path / "state")


async def test_a_backup_has_what_a_copy_of_the_file_lacks(tmp_path: Path, project: Project, ana: Actor) -> None:
    """All that was acknowledged, while servers live; the file alone has none of it."""
    data = tmp_path / "data"
    async with live(data, project) as server, open_store(data) as store:
        await server.make("a", "b")
        await make(store, project, ana, "c")
        copy = copied_by_hand(file_of(data, project), tmp_path / "copy.db")
        done = back_up(data, project.known_id, str(tmp_path / "backup.db"))
        await server.make("d")
    assert done.items == 3
    assert whole(tmp_path / "backup.db") == {"a", "b", "c"}
    assert whole(copy) == set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "copy.db", "data"]
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600


async def test_backups_are_whole_while_others_write(tmp_path: Path, project: Project) -> None:
    """Each is of one moment: no tree of four items is there by halves."""
    worker = await start_worker(tmp_path, project.known_id, "create", "w")
    await worker.stdout.readline()
    reading = asyncio.create_task(worker.stdout.read())
    for number in range(5):
        target = tmp_path / f"{number}.db"
        done = await asyncio.to_thread(back_up, tmp_path, project.known_id, str(target))
        assert done.items % 4 == 0
        assert len(raw(target, "SELECT id FROM items")) == done.items
    worker.kill()
    await reading
    await worker.wait()


async def test_a_backup_overwrites_nothing_and_of_a_damaged_file_there_is_none(
    tmp_path: Path, project: Project, ana: Actor
) -> None:
    """What is there under its name stays; nothing half is left behind."""
    async with open_store(tmp_path) as store:
        await make(store, project, ana, *(f"{n}" * 90 for n in range(9)))
    target = tmp_path / "backup.db"
    target.write_text("mine")
    with pytest.raises(UsageError, match="FILE_EXISTS"):
        back_up(tmp_path, project.known_id, str(target))
    path = file_of(tmp_path, project)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\1" * (len(content) - len(content) // 2))
    with pytest.raises(StoreError, match="STORE_DAMAGED"):
        back_up(tmp_path, project.known_id, str(tmp_path / "other.db"))
    assert target.read_text() == "mine"
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == ["backup.db"]


async def test_live_servers_go_on_with_what_was_restored(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """What it replaced is kept whole, with what was in the log, and can be restored itself."""
    data = tmp_path / "data"
    async with live(data, project) as one, live(data, project) as idle:
        await one.make("a")
        back_up(data, project.known_id, str(tmp_path / "backup.db"))
        await one.make("b", "c")
        assert await idle.titles() == {"a", "b", "c"}
        done = restore(data, known, str(tmp_path / "backup.db"))
        assert done.items == 1
        assert await one.titles() == {"a"}
        await one.make("new")
        assert await idle.titles() == {"a", "new"}
        assert done.kept is not None
        again = restore(data, known, done.kept)
        assert await idle.titles() == {"a", "b", "c"}
        assert again.kept is not None
        assert {row[0] for row in raw(Path(again.kept), "SELECT title FROM items")} == {"a", "new"}
    assert whole(file_of(data, project)) == {"a", "b", "c"}


@pytest.mark.parametrize("state", ["damaged", "gone", "killed", "cut"])
async def test_what_is_broken_is_restored(
    *, tmp_path: Path, project: Project, ana: Actor, known: KnownProjects, state: str
) -> None:
    """Whatever the file is like, the backup takes its place and its log is not applied to it."""
    data = tmp_path / "data"
    async with live(data, project) as server:
        await server.make("a")
        back_up(data, project.known_id, str(tmp_path / "backup.db"))
        await server.make("b")
        await server.kill()
    path = file_of(data, project)
    if state == "damaged":
        path.write_bytes(b"nothing that can be read" * 500)
    elif state == "cut":
        os.truncate(path, 5000)
    elif state == "gone":
        path.unlink()
    restore(data, known, str(tmp_path / "backup.db"))
    async with open_store(data) as store:
        assert await titles(store, project) == ["a"]
        await make(store, project, ana, "c")
    assert whole(path) == {"a", "c"}


async def test_what_is_not_whole_is_not_restored(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """Nor what is no project's; what is there stays."""
    data = tmp_path / "data"
    async with open_store(data) as store:
        await make(store, project, ana, *(f"{n}" * 90 for n in range(30)))
    back_up(data, project.known_id, str(tmp_path / "backup.db"))
    before = file_of(data, project).read_bytes()
    os.truncate(tmp_path / "backup.db", 30_000)
    (tmp_path / "text").write_text("no backup")
    raw(tmp_path / "songs.db", "CREATE TABLE songs (title)")
    for name in ("backup.db", "text", "songs.db"):
        with pytest.raises(StoreError, match=f"STORE_DAMAGED: {tmp_path / name}"):
            restore(data, known, str(tmp_path / name))
    with pytest.raises(UsageError, match="FILE_UNREADABLE"):
        restore(data, known, str(tmp_path / "none"))
    assert file_of(data, project).read_bytes() == before
    assert [found.name for found in (data / "projects").iterdir() if "aside" in found.name] == []


async def test_a_project_begins_anew_where_somebody_says_so(
    tmp_path: Path, project: Project, ana: Actor, known: KnownProjects
) -> None:
    """Only where its file is gone; a log that is left is set aside."""
    data = tmp_path / "data"
    async with live(data, project) as server:
        await server.make("a")
        with pytest.raises(UsageError, match="FILE_EXISTS"):
            begin_anew(data, known, project)
        await server.kill()
    path = file_of(data, project)
    path.unlink()
    async with open_store(data) as store:
        await refused("STORE_NOT_FOUND", make(store, project, ana, "x"))
    begin_anew(data, known, project)
    beside(path, "-shm").unlink(missing_ok=True)
    async with open_store(data) as store:
        await make(store, project, ana, "new")
    assert whole(path) == {"new"}


async def test_an_examination_names_all_there_is(
    *, tmp_path: Path, project: Project, other: Project, ana: Actor, known: KnownProjects
) -> None:
    """Whole, damaged and missing files, logs set aside, copies and leftovers; it changes nothing."""
    data = tmp_path / "data"
    third = Project("33333333-3333-4333-8333-333333333333", "three")
    async with open_store(data) as store:
        for one in (project, other):
            await make(store, one, ana, "x")
    for one in (project, other, third):
        known.remember(one)
    folder = data / "projects"
    file_of(data, other).write_bytes(b"?" * 5000)
    old = folder / f"{project.id}.db.0011223344556677.tmp"
    old.touch()
    os.utime(old, (time.time() - 9999,) * 2)
    for name in ("-wal.aside-20260101T000000000000Z", ".aside-20260101T000000000000Z", ".0001.20260101T0Z.backup"):
        (folder / f"{project.id}.db{name}").write_bytes(b"")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    found = list(examine_store(data, known))
    assert [one.is_problem for one in found] == [False, True, True, False, False, False, False]
    assert "whole, 1 items" in found[0].detail
    assert found[1].detail.startswith(f"STORE_DAMAGED: {file_of(data, other)}")
    assert found[2].detail.startswith(f"STORE_NOT_FOUND: {file_of(data, third)}")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
