"""Archived projects, the names of projects, and how people name one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.storage.support import DataPlace, file_of, ids, in_files, make, open_store, raw, refused
from tests.support import make_settings
from workflow_mcp.errors import StoreError, WorkflowError
from workflow_mcp.storage import migrate
from workflow_mcp.storage.projects.inventory import Entry, Inventory, Problem, State, find_entry
from workflow_mcp.storage.sqlite import connections
from workflow_mcp.storage.sqlite.inventory import inventory_of
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.store import sqlite_store
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Actor, ItemQuery, NewItem, Project

STORED: tuple[State, ...] = ("active", "archived")


async def test_lists_leave_out_archived_projects(
    store: Store, place: DataPlace, project: Project, other: Project, ana: Actor
) -> None:
    """Unless they are asked for; they can be found and worked in as before, until that is ended."""
    third = Project("33333333-3333-4333-8333-333333333333", "three")
    for one in (project, other, third):
        await make(store, one, ana, "x")
    assert await store.archive_project(project)
    assert not await store.archive_project(project), "it is archived already"
    async with open_store(place) as again:
        page = await again.list_projects()
        assert (list(page.projects), page.hidden, set(page.archived)) == ([third, other], 1, {project.known_id})
        assert (await again.list_projects("ONE")).hidden == 1
        assert (await again.list_projects("two")).hidden == 0
        first = await again.list_projects(limit=1, archived=True)
        rest = await again.list_projects(limit=5, cursor=first.next_cursor, archived=True)
        assert ([*first.projects, *rest.projects], first.hidden) == ([project, third, other], 0)
        await refused("CURSOR_INVALID", again.list_projects(limit=5, cursor=first.next_cursor))
        assert await again.find_or_create_project("one") == project
        assert await make(again, project, ana, "y") == [2]
        assert (await again.list_projects()).hidden == 1
        assert await again.archive_project(project, archived=False)
    assert len((await store.list_projects()).projects) == 3


@in_files
async def test_an_older_file_is_listed_and_can_be_archived(store: Store, tmp_path: Path, project: Project) -> None:
    """A list changes nothing in a format that knows no archived projects; archiving it upgrades it."""
    path = file_of(tmp_path, project)
    path.parent.mkdir()
    path.touch()
    with connections.exclusive(str(path)) as connection:
        migrate.upgrade(connection, "0001")
    raw(path, "INSERT INTO projects (id, name, next_item_id, created_at) VALUES (?, 'one', 1, 0)", project.id)
    before = path.read_bytes()
    assert (await store.list_projects()).projects == (project,)
    [entry] = inventory_of(make_settings(tmp_path, data_dir=tmp_path, state_dir=None)).entries
    assert (entry.project, entry.state, entry.items, entry.changed_at) == (project, "active", 0, None)
    assert path.read_bytes() == before
    assert await store.archive_project(project)
    assert (await store.list_projects()).hidden == 1


async def test_other_processes_remember_the_new_name(tmp_path: Path, project: Project, ana: Actor) -> None:
    """Where the file is gone, its project is found to be missing by the name that it has, and no second one is made."""
    threads, data, state = WorkerThreads(), tmp_path / "data", tmp_path / "state"
    async with (
        sqlite_store(data, state_dir=state, threads=threads) as one,
        sqlite_store(data, state_dir=state, threads=threads) as two,
    ):
        await make(one, project, ana, "x")
        assert await ids(two, project) == [1]
        await one.rename_project(project, "renamed")
        await make(two, Project(project.id, "elsewhere"), ana, "y")
        file_of(data, project).rename(tmp_path / "taken")
        for store in (one, two):
            await refused("STORE_NOT_FOUND", store.find_or_create_project("renamed"))
    threads.close()
    assert KnownProjects(data, state).names() == {project.id: "renamed"}


def entry(project_id: str, name: str, state: State = "active") -> Entry:
    """A project in a state."""
    now = datetime(2026, 11, 25, tzinfo=UTC)
    return Entry(
        Project(project_id, name), "/file", 0, None, "/work" if state == "active" else None,
        now if state == "archived" else None, now if state == "deleted" else None,
    )  # fmt: skip


A, B, C, D, E = (f"{letter * 8}-0000-4000-8000-000000000000" for letter in "abcde")
SOME = Inventory(
    (entry(A, "shop"), entry(B, "shop", "archived"), entry(C, "old", "deleted"), entry(D, "old"), entry(E, "aaaa")),
    (Problem("ffffffff-0000-4000-8000-000000000000", "broken", StoreError("STORE_DAMAGED", "broken.", "mend it.")),),
)


@pytest.mark.parametrize(
    ("named", "rather", "found"),
    [
        (A, STORED, A),
        (A.upper(), STORED, A),
        ("bbbb", STORED, B),
        ("BBBBBB", STORED, B),
        ("old", STORED, D),
        ("old", ("deleted", "archived"), C),
        ("shop", ("deleted", "archived"), B),
        ("aaaa", STORED, E),  # a name comes before the beginning of an id
        ("aaaaa", STORED, A),
    ],
)
def test_how_a_project_is_named(named: str, rather: tuple[State, ...], found: str) -> None:
    """By its id, its name or the beginning of its id, in this order; among several, one in the state that is meant."""
    assert find_entry(SOME, named, rather=rather).project.id == found


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("shop", f"PROJECT_AMBIGUOUS: 2 projects are named 'shop': {A} in /work, {B} in no directory yet"),
        ("Shop", "PROJECT_UNKNOWN"),
        ("bbb", "PROJECT_UNKNOWN"),
        ("", "PROJECT_UNKNOWN"),
        ("broken", "STORE_DAMAGED"),
        ("ffff", "STORE_DAMAGED"),
    ],
)
def test_what_names_no_project(named: str, error: str) -> None:
    """What there is not, what several are called, and one that cannot be read."""
    with pytest.raises(WorkflowError, match=error):
        find_entry(SOME, named, rather=STORED)


async def test_a_project_that_was_created_in_vain_leaves_nothing(store: Store, ana: Actor) -> None:
    """It can be discarded by its admin as long as nothing was done in it, and only then."""
    own = store.of_member("ana")
    kept, vain = await own.create_project("kept"), await own.create_project("vain")
    await own.create_items(kept, [NewItem("One")], ana)
    await refused("PROJECT_UNKNOWN", store.of_member("eve").discard_project(vain))
    for project in (kept, vain):
        await own.discard_project(project)
    assert (await store.list_projects()).projects == (kept,)
    assert (await own.list_items(kept, ItemQuery())).counts.total == 1
    assert await store.find_project_by_name("vain") is None
    assert await store.members(vain) == ()
