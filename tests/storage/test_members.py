"""Members of projects: what each role may do, what others see of it, and the last admin."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.storage.support import DataPlace, file_of, in_files, make, open_store, raw, refused
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.sqlite import connections, opening
from workflow_mcp.storage.store import Store
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.members import ROLES, Member, Role
from workflow_mcp.work.repositories import Repository
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

Act = Callable[[Store, Project], Awaitable[Any]]
ANA = Actor("ana", "/home/ana/work")


async def exported(store: Store, project: Project) -> list[Any]:
    """All records of a project."""
    return [record async for record in store.export(project)]


async def imported(store: Store, project: Project) -> None:
    """An import of nothing."""
    await store.import_items(project, await exported(store, Project(None, "none")), ANA)


async def watched(store: Store, project: Project) -> None:
    """A look at a project's changes."""
    async with store.changes(project):
        pass


READING: dict[str, Act] = {
    "list_items": lambda store, project: store.list_items(project, ItemQuery("all")),
    "list_whole_items": lambda store, project: store.list_whole_items(project, ItemQuery("all")),
    "get_item": lambda store, project: store.get_item(project, 1),
    "history": lambda store, project: store.history(project, HistoryQuery()),
    "export": exported,
    "changes": watched,
    "repositories": lambda store, project: store.repositories(project),
    "directories": lambda store, project: store.directories(project),
    "members": lambda store, project: store.members(project),
    "foresee": lambda store, project: store.foresee(project, []),
    "ensure": lambda store, project: store.ensure(project),
    "find_project": lambda store, project: store.find_project(project.known_id),
}
WRITING: dict[str, Act] = {
    "create_items": lambda store, project: store.create_items(project, [NewItem("two")], ANA),
    "claim_item": lambda store, project: store.claim_item(project, ANA),
    "claim_item, waiting": lambda store, project: store.claim_item(project, ANA, wait_seconds=60),
    "update_items": lambda store, project: store.update_items(project, [ItemUpdate(1, title="uno")], ANA),
    "link_items": lambda store, project: store.link_items(project, 1, 2, "blocks", ANA),
    "delete_items": lambda store, project: store.delete_items(project, [2], ANA, restore=True),
    "import_items": imported,
    "synchronize": lambda store, project: store.synchronize(project, [], ANA),
    "add_repository": lambda store, project: store.add_repository(project, Repository("/repo", None, None)),
}
ADMINISTERING: dict[str, Act] = {
    "rename_project": lambda store, project: store.rename_project(project, "one"),
    "archive_project": lambda store, project: store.archive_project(project, archived=False),
    "set_member": lambda store, project: store.set_member(project, Member("zoe", "read")),
    "remove_member": lambda store, project: store.remove_member(project, "yan"),
}


async def made(store: Store, **roles: Role) -> Project:
    """A project of Ana's with two items, and these further members."""
    project = await store.of_member("ana").create_project("one")
    await make(store, project, ANA, "one", "two")
    await store.set_member(project, Member("yan", "read"))
    for name, role in roles.items():
        await store.set_member(project, Member(name, role))
    return project


async def test_what_each_role_may_do(store: Store) -> None:
    """Who reads may read, who writes may write too, admins may do everything; what is refused changes nothing."""
    project = await made(store, rea="read", wri="write", adm="admin")
    for rank, member in enumerate(("rea", "wri", "adm")):
        for needed, acts in enumerate((READING, WRITING, ADMINISTERING)):
            for name, act in acts.items():
                if name == "remove_member":
                    await store.set_member(project, Member("yan", "read"))
                elif act in WRITING.values():
                    await make(store, project, ANA, name)
                before = await exported(store, project), await store.members(project)
                if rank >= needed:
                    await act(store.of_member(member), project)
                    continue
                error = await refused("ROLE_INSUFFICIENT", act(store.of_member(member), project))
                assert f"has the role {ROLES[rank]} in this project, and this needs {ROLES[needed]};" in str(error), (
                    name
                )
                assert (await exported(store, project), await store.members(project)) == before


async def test_a_project_of_others_is_as_unknown_as_none(tmp_path: Path, store: Store) -> None:
    """Whoever is no member gets byte for byte what there is for an id that nobody has; nothing is made or changed."""
    project, nobodys = await made(store), Project(str(uuid4()), "one")
    before = sorted(path.name for path in tmp_path.rglob("*")), await exported(store, project)
    for act in (READING | WRITING | ADMINISTERING).values():
        foreign = await refused("PROJECT_UNKNOWN", act(store.of_member("eve"), project))
        unknown = await refused("PROJECT_UNKNOWN", act(store.of_member("eve"), nobodys))
        assert str(foreign).replace(project.known_id, "ID") == str(unknown).replace(nobodys.known_id, "ID")
    assert (sorted(path.name for path in tmp_path.rglob("*")), await exported(store, project)) == before


async def test_lists_have_ones_own_alone(store: Store) -> None:
    """Page by page, with the counts of one's own; by name, one finds one's own only."""
    for number in range(8):
        owner = store.of_member("ana" if number % 3 else "bob")
        await owner.create_project(f"p{number:02}")
    await store.ensure(Project(str(uuid4()), "p03 nobody's"))
    for name, numbers in (("ana", [1, 2, 4, 5, 7]), ("bob", [0, 3, 6]), ("eve", [])):
        own, found, cursor = store.of_member(name), [], None
        while True:
            page = await own.list_projects(None, 2, cursor)
            found += [one.name for one in page.projects]
            assert len(page.projects) == 2 or page.next_cursor is None
            if (cursor := page.next_cursor) is None:
                break
            assert {page.roles[one.known_id] for one in page.projects} <= {"admin"}
        assert found == [f"p{number:02}" for number in numbers]
        for number in range(8):
            known = await own.find_project_by_name(f"p{number:02}")
            assert (known is not None) == (number in numbers)
    assert len((await store.list_projects(limit=200)).projects) == 9


async def test_a_name_is_ones_own(store: Store) -> None:
    """A project of others does not take a name: each has one of that name, and finds it again."""
    ana, bob = store.of_member("ana"), store.of_member("bob")
    ids = [(await who.find_or_create_project("shop")).known_id for who in (ana, bob, ana, bob)]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]
    for who, mine in ((ana, ids[0]), (bob, ids[1])):
        assert (await who.find_project("shop")).id == mine
    await store.set_member(Project(ids[0], "shop"), Member("bob", "read"))
    error = await refused("PROJECT_AMBIGUOUS", bob.find_project("shop"))
    assert ids[0] in str(error)
    assert [one.principal for one in await store.members(Project(ids[1], "shop"))] == ["bob"]


async def test_who_may_only_read_finds_and_makes_nothing(store: Store) -> None:
    """A config without an id leads whoever reads to the project of its name, and lets them write nothing into it."""
    project = await made(store, rea="read")
    await refused("ROLE_INSUFFICIENT", store.of_member("rea").find_or_create_project("one"))
    assert await store.of_member("rea").find_project_by_name("one") == project


async def test_the_last_admin_stays(store: Store) -> None:
    """It is neither removed nor demoted, by nobody; once there is another, it may go."""
    project = await made(store, wri="write")
    for who in (store, store.of_member("ana")):
        await refused("ADMIN_REQUIRED", who.remove_member(project, "ana"))
        for lower in ROLES[:-1]:
            await refused("ADMIN_REQUIRED", who.set_member(project, Member("ana", lower)))
        assert await who.set_member(project, Member("ana", "admin")) == "admin"
    assert await store.of_member("ana").set_member(project, Member("wri", "admin")) == "write"
    await store.of_member("ana").remove_member(project, "ana")
    await refused("PROJECT_UNKNOWN", store.of_member("ana").list_items(project, ItemQuery()))
    assert await store.members(project) == (Member("wri", "admin"), Member("yan", "read"))
    await refused("MEMBER_UNKNOWN", store.remove_member(project, "ana"))


async def test_the_last_two_admins_leave_at_once(place: DataPlace) -> None:
    """Of two removals at the same time, from two stores, one is refused."""
    async with open_store(place) as one, open_store(place) as other:
        project = await made(one, bob="admin")
        for _ in range(10):
            for name in ("ana", "bob"):
                await one.set_member(project, Member(name, "admin"))
            ends = await asyncio.gather(
                one.of_member("ana").remove_member(project, "ana"),
                other.of_member("bob").remove_member(project, "bob"),
                return_exceptions=True,
            )
            errors = [end for end in ends if end is not None]
            assert [error.code for error in errors if isinstance(error, WorkflowError)] == ["ADMIN_REQUIRED"], ends
            assert [one.role for one in await one.members(project)].count("admin") == 1


async def test_who_is_removed_while_waiting_gets_nothing(store: Store) -> None:
    """A claim that waits is refused when its turn comes and its principal is a member no longer."""
    project = await made(store, wri="write", oth="write")
    for _ in range(2):
        await store.claim_item(project, ANA, lease=timedelta(hours=9))
    waiting = asyncio.create_task(
        store.of_member("wri").claim_item(project, Actor("wri", "/"), lease=timedelta(hours=1), wait_seconds=50)
    )
    staying = asyncio.create_task(
        store.of_member("oth").claim_item(project, Actor("oth", "/"), lease=timedelta(hours=1), wait_seconds=50)
    )
    while len(store._queues) < 2:  # noqa: ASYNC110 - both have to be in the queue
        await asyncio.sleep(0)
    await store.remove_member(project, "wri")
    await make(store, project, ANA, "three", "four")
    await refused("PROJECT_UNKNOWN", waiting)
    claimed = await staying
    assert claimed is not None
    assert claimed.item.assignee == "oth"


@in_files
async def test_a_project_that_cannot_be_read_is_nobodys(tmp_path: Path, store: Store) -> None:
    """A damaged file says of no one that it is theirs: its principal finds no such project, the user what is wrong."""
    project, other = await made(store), await store.of_member("ana").create_project("two")
    await store.aclose()
    async with open_store(tmp_path) as again:
        file_of(tmp_path, project).write_bytes(b"?" * 5000)
        await refused("STORE_DAMAGED", again.list_items(project, ItemQuery()))
        ana = again.of_member("ana")
        await refused("PROJECT_UNKNOWN", ana.list_items(project, ItemQuery()))
        page = await ana.list_projects()
        assert (page.projects, page.problems) == ((other,), ())


@in_files
async def test_a_project_from_before_there_were_members(tmp_path: Path, store: Store) -> None:
    """It has none, also where its file has not been upgraded yet; the user lets the first one in."""
    project = Project(str(uuid4()), "old")
    await make(store, project, ANA, "one")
    await store.aclose()
    raw(file_of(tmp_path, project), "DROP TABLE members")
    raw(file_of(tmp_path, project), "UPDATE alembic_version SET version_num = '0007'")
    async with open_store(tmp_path) as again:
        await refused("PROJECT_UNKNOWN", again.of_member("ana").list_items(project, ItemQuery()))
        assert (await again.of_member("ana").list_projects()).projects == ()
        assert await again.members(project) == ()
        assert await again.set_member(project, Member("ana", "admin")) is None
        assert (await again.of_member("ana").list_projects()).projects == (project,)
        assert len((await again.of_member("ana").list_items(project, ItemQuery())).items) == 1


@in_files
async def test_a_file_that_is_open_is_opened_for_nobody_once_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a principal may do is read through it, and so is what a project is called that a session has chosen."""
    project = await made(store)
    ana = store.of_member("ana")
    await ana.list_items(project, ItemQuery())
    opened: list[str] = []

    def counted(path: str, **options: Any) -> sqlite3.Connection:
        opened.append(path)
        return opening.open_file(path, **options)

    monkeypatch.setattr(connections, "open_file", counted)
    for who in (store, ana):
        await who.list_items(project, ItemQuery())
        await who.update_items(project, [ItemUpdate(1, title="uno")], ANA)
        assert await who.find_project(project.known_id) == project
    assert opened == []
    await refused("PROJECT_UNKNOWN", store.of_member("eve").find_project(project.known_id))


@in_files
async def test_what_is_wrong_with_an_open_file_is_not_for_others(tmp_path: Path, store: Store) -> None:
    """Its user is told; whoever is no member is told what there is to say of an id that nobody has."""
    project = await made(store)
    await store.list_items(project, ItemQuery())
    file_of(tmp_path, project).unlink()
    await refused("STORE_NOT_FOUND", store.list_items(project, ItemQuery()))
    for act in (READING | WRITING).values():
        error = await refused("PROJECT_UNKNOWN", act(store.of_member("eve"), project))
        assert str(tmp_path) not in str(error)
