"""A file, its log or its index is deleted, replaced, overwritten or cut, while servers live and after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.recovery.support import beside, checkpoint, copied_by_hand, live, overwrite, replace, whole
from tests.storage.support import file_of, make, open_store, refused, titles
from workflow_mcp.work.values import Actor, ItemQuery, NewItem, Project

Put = Callable[[Path, Path], None]
WAYS = pytest.mark.parametrize("put", [replace, overwrite])


def many(prefix: str, count: int = 5) -> list[str]:
    """Titles."""
    return [f"{prefix}{number}" for number in range(count)]


async def killed(tmp_path: Path, project: Project, *titles: str) -> None:
    """A server has made these items and was killed: all of them are in the log alone."""
    async with live(tmp_path, project) as server:
        await server.make(*titles)
        await server.kill()


async def test_the_log_that_a_kill_left_is_applied(tmp_path: Path, project: Project) -> None:
    """Everything that was acknowledged is there, also in a folder that was copied elsewhere with the log."""
    await killed(tmp_path / "data", project, *many("a"))
    path = file_of(tmp_path / "data", project)
    assert beside(path, "-wal").stat().st_size > 0
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    for folder in (tmp_path / "data", tmp_path / "moved"):
        async with open_store(folder) as store:
            assert set(await titles(store, project)) == {*many("a")}
        assert whole(file_of(folder, project)) == {*many("a")}
        assert list(path.parent.glob("*aside*")) == []


@WAYS
async def test_a_log_is_not_applied_to_a_copy_that_is_older(
    tmp_path: Path, project: Project, ana: Actor, put: Put
) -> None:
    """After a kill: the copy stays what it was, and the log is kept under a name of its own."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "old")
    copy = copied_by_hand(path, tmp_path / "copy")
    async with open_store(tmp_path) as store:
        await make(store, project, ana, *many("between"))
    await killed(tmp_path, project, *many("lost"))
    log = beside(path, "-wal").read_bytes()
    put(path, copy)
    async with open_store(tmp_path) as store:
        assert await titles(store, project) == ["old"]
        await make(store, project, ana, "new")
    assert whole(path) == {"old", "new"}
    assert [aside.read_bytes() for aside in path.parent.glob("*-wal.aside-*")] == [log]


@WAYS
async def test_a_log_is_not_applied_to_another_projects_file(
    *, tmp_path: Path, project: Project, other: Project, ana: Actor, put: Put
) -> None:
    """The file is refused, not mixed, and is whole in its own place."""
    async with open_store(tmp_path) as store:
        await make(store, other, ana, "theirs")
    await killed(tmp_path, project, *many("mine"))
    put(file_of(tmp_path, project), file_of(tmp_path, other))
    async with open_store(tmp_path) as store:
        await refused("STORE_WRONG_PROJECT", store.create_items(project, [NewItem("x")], ana))
    assert whole(file_of(tmp_path, project)) == {"theirs"}


@WAYS
async def test_live_servers_notice_that_a_file_was_put_in_place(
    tmp_path: Path, project: Project, ana: Actor, put: Put
) -> None:
    """All of them go on with it, none with the old one or its log, and what they acknowledge is in it."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "old")
    copy = copied_by_hand(path, tmp_path / "copy")
    async with live(tmp_path, project) as one, open_store(tmp_path) as two:
        await one.make(*many("gone"))
        checkpoint(path)
        await one.make(*many("gone as well"[:4]))
        await make(two, project, ana, "gone too")
        put(path, copy)
        assert await one.titles() == {"old"}
        await make(two, project, ana, "by two")
        await one.make("by_one")
        assert set(await titles(two, project)) == {"old", "by two", "by_one"}
    assert whole(path) == {"old", "by two", "by_one"}


@WAYS
async def test_a_server_that_ends_does_not_copy_its_log_into_a_file_that_was_put_in_place(
    tmp_path: Path, project: Project, ana: Actor, put: Put
) -> None:
    """Though it has not been called since."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "old")
    copy = copied_by_hand(path, tmp_path / "copy")
    async with open_store(tmp_path) as store:
        await make(store, project, ana, *many("gone", 30))
        checkpoint(path)
        await make(store, project, ana, *many("more", 30))
        put(path, copy)
    async with open_store(tmp_path) as store:
        assert await titles(store, project) == ["old"]
    assert whole(path) == {"old"}


@WAYS
async def test_a_log_that_continues_a_copy_is_applied_to_it(
    tmp_path: Path, project: Project, ana: Actor, put: Put
) -> None:
    """Nothing acknowledged is lost where the copy and the log make it up, though the index was another file's."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "old")
    async with live(tmp_path, project) as one, live(tmp_path, project) as idle:
        assert await idle.titles() == {"old"}
        await one.make(*many("a"))
        copy = copied_by_hand(path, tmp_path / "copy")
        checkpoint(path)
        put(path, copy)
        async with live(tmp_path, project) as fresh:
            await fresh.make(*many("b"))
            await one.make(*many("c"))
            assert await idle.titles() == {"old", *many("a"), *many("b"), *many("c")}
    assert whole(path) == {"old", *many("a"), *many("b"), *many("c")}


@pytest.mark.parametrize("size", [0, 1, 4096, 40_000])
async def test_nothing_is_acknowledged_into_a_file_that_was_cut(
    tmp_path: Path, project: Project, ana: Actor, size: int
) -> None:
    """A live server and a new one refuse to read and to write; the file stays as it is when they end."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await make(store, project, ana, *many("old", 50))
    async with open_store(tmp_path) as store:
        await make(store, project, ana, "new")
        with path.open("r+b") as file:
            file.truncate(size)
        await refused("STORE_DAMAGED", store.list_items(project, ItemQuery()))
        await refused("STORE_DAMAGED", store.create_items(project, [NewItem("x")], ana))
        async with open_store(tmp_path) as fresh:
            await refused("STORE_DAMAGED", fresh.create_items(project, [NewItem("x")], ana))
    assert path.stat().st_size == size
    assert beside(path, "-wal").stat().st_size > 0


async def test_nothing_is_acknowledged_into_a_damaged_file(tmp_path: Path, project: Project, ana: Actor) -> None:
    """Damage in its midst is found before a server's first change, and an export yields nothing."""
    path = file_of(tmp_path, project)
    async with open_store(tmp_path) as store:
        await store.create_items(project, [NewItem("x", description="y" * 9000)] * 20, ana)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\0" * 20_000
    path.write_bytes(content)
    async with open_store(tmp_path) as store:
        await refused("STORE_DAMAGED", store.create_items(project, [NewItem("z")], ana))
        await refused("STORE_DAMAGED", anext(store.export(project)))
    assert path.read_bytes() == content


@pytest.mark.parametrize("gone", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="".join)
async def test_a_log_that_is_taken_from_live_servers_is_saved(
    *, tmp_path: Path, project: Project, ana: Actor, gone: tuple[str, ...]
) -> None:
    """They still have it open: everything acknowledged is there afterwards."""
    path = file_of(tmp_path, project)
    async with live(tmp_path, project) as one, open_store(tmp_path) as two:
        await one.make(*many("a"))
        await make(two, project, ana, "b")
        for suffix in gone:
            beside(path, suffix).unlink()
        await make(two, project, ana, "c")
        await one.make("d")
        assert set(await titles(two, project)) == {*many("a"), "b", "c", "d"}
    assert whole(path) == {*many("a"), "b", "c", "d"}


async def test_a_log_that_is_gone_after_a_kill_is_said_to_be(tmp_path: Path, project: Project, ana: Actor) -> None:
    """What was in it is lost, and that is not passed over; putting it back brings all back."""
    await killed(tmp_path, project, *many("a"))
    path = file_of(tmp_path, project)
    beside(path, "-wal").rename(tmp_path / "log")
    async with open_store(tmp_path) as store:
        error = await refused("STORE_DAMAGED", store.create_items(project, [NewItem("x")], ana))
        assert f"{path}-wal" in str(error)
        (tmp_path / "log").rename(beside(path, "-wal"))
        assert set(await titles(store, project)) == {*many("a")}
