"""A project's file, its folder or the whole data directory is gone, or cannot be read: never an empty store instead."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.storage.recovery.support import beside, live, whole
from tests.storage.support import file_of, make, raw, refused, titles
from workflow_mcp.storage.sqlite.store import sqlite_store
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Actor, ItemQuery, Project


@asynccontextmanager
async def remembering(tmp_path: Path) -> AsyncIterator[Store]:
    """A store on `data` that remembers its projects beside it."""
    threads = WorkerThreads()
    async with sqlite_store(tmp_path / "data", state_dir=tmp_path / "state", threads=threads) as store:
        yield store
    threads.close()


def take_file(tmp_path: Path, project: Project) -> None:
    """The file alone is gone."""
    file_of(tmp_path / "data", project).rename(tmp_path / "taken")


def take_folder(tmp_path: Path, _project: Project) -> None:
    """The data directory was moved, or not mounted."""
    (tmp_path / "data").rename(tmp_path / "taken")


def unmount(tmp_path: Path, project: Project) -> None:
    """The mount point is there and empty."""
    take_folder(tmp_path, project)
    (tmp_path / "data").mkdir()


TAKEN = pytest.mark.parametrize("take", [take_file, take_folder, unmount])


@TAKEN
@pytest.mark.parametrize("is_live", [True, False])
async def test_what_was_there_is_not_begun_anew(
    *, tmp_path: Path, project: Project, ana: Actor, take: object, is_live: bool
) -> None:
    """A live server and a later one name the file, by id and by name, and make nothing."""
    async with remembering(tmp_path) as store:
        await make(store, project, ana, "x")
        if is_live:
            take(tmp_path, project)  # type: ignore[operator]
            await _refuses(store, tmp_path, project, ana)
    if not is_live:
        take(tmp_path, project)  # type: ignore[operator]
    async with remembering(tmp_path) as store:
        await _refuses(store, tmp_path, project, ana)
        page = await store.list_projects()
        assert page.projects == ()
        assert [problem.partition(":")[0] for problem in page.problems] == ["STORE_NOT_FOUND"]
    assert not file_of(tmp_path / "data", project).exists()


async def _refuses(store: Store, tmp_path: Path, project: Project, ana: Actor) -> None:
    path = str(file_of(tmp_path / "data", project))
    for call in (
        store.list_items(project, ItemQuery()),
        make(store, project, ana, "y"),
        store.find_project(project.known_id),
        store.find_project(project.name),
        store.find_or_create_project(project.name),
    ):
        assert path in str(await refused("STORE_NOT_FOUND", call))


@pytest.mark.parametrize("take", [take_folder, unmount])
async def test_what_is_back_is_used_again(tmp_path: Path, project: Project, ana: Actor, take: object) -> None:
    """Once it is mounted again a live server goes on, with everything it had acknowledged."""
    async with remembering(tmp_path) as store:
        await make(store, project, ana, "x")
        take(tmp_path, project)  # type: ignore[operator]
        await refused("STORE_NOT_FOUND", make(store, project, ana, "y"))
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        (tmp_path / "taken").rename(tmp_path / "data")
        assert await titles(store, project) == ["x"]
        await make(store, project, ana, "y")
    assert whole(file_of(tmp_path / "data", project)) == {"x", "y"}


async def test_another_project_is_not_begun_where_all_are_gone(
    tmp_path: Path, project: Project, other: Project, ana: Actor
) -> None:
    """What would be made in an empty mount point would be hidden by the mount."""
    async with remembering(tmp_path) as store:
        await make(store, project, ana, "x")
    unmount(tmp_path, project)
    async with remembering(tmp_path) as store:
        await refused("STORE_NOT_FOUND", make(store, other, ana, "y"))


async def test_a_machine_that_has_never_had_the_project_begins_it(tmp_path: Path, project: Project, ana: Actor) -> None:
    """As after a clone: the config's id is known, and nothing is there yet."""
    async with remembering(tmp_path) as store:
        await make(store, project, ana, "x")
    (tmp_path / "elsewhere").mkdir()
    async with remembering(tmp_path / "elsewhere") as store:
        assert await titles(store, project) == []


async def test_a_log_without_its_file_is_no_new_project(tmp_path: Path, project: Project, ana: Actor) -> None:
    """Also where nothing is remembered, and after a kill; the log is left alone."""
    async with live(tmp_path / "data", project) as server:
        await server.make("x")
        await server.kill()
    path = file_of(tmp_path / "data", project)
    path.unlink()
    async with remembering(tmp_path) as store:
        await refused("STORE_NOT_FOUND", make(store, project, ana, "y"))
    assert beside(path, "-wal").stat().st_size > 0


@pytest.mark.parametrize("kind", ["newer", "damaged", "unreadable"])
async def test_a_project_that_cannot_be_read_does_not_get_a_second_file(
    tmp_path: Path, project: Project, ana: Actor, kind: str
) -> None:
    """A config that names it without an id is refused with what is wrong; other names are not."""
    async with remembering(tmp_path) as store:
        await make(store, project, ana, "x")
    path = file_of(tmp_path / "data", project)
    if kind == "newer":
        raw(path, "UPDATE alembic_version SET version_num = '9999'")
    elif kind == "damaged":
        path.write_bytes(b"these are not the data you are looking for" * 100)
    else:
        path.unlink()
        path.mkdir()
    async with remembering(tmp_path) as store:
        error = await refused(
            "STORE_NEWER" if kind == "newer" else "STORE_DAMAGED", store.find_or_create_project(project.name)
        )
        assert str(path) in str(error)
        assert (await store.find_or_create_project("another")).name == "another"
    assert len(list(path.parent.glob("*.db"))) == 2


async def test_a_file_that_nobody_knows_may_be_any_project(tmp_path: Path, project: Project) -> None:
    """Where it cannot be read and its name is not remembered, no project is made by a name alone."""
    path = file_of(tmp_path / "data", project)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"?" * 5000)
    async with remembering(tmp_path) as store:
        assert str(path) in str(await refused("STORE_DAMAGED", store.find_or_create_project("any")))
    assert list(path.parent.glob("*.db")) == [path]
