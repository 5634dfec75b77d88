"""The history of a project: all of it once, in its order, whoever stores it."""

from __future__ import annotations

import asyncio

from tests.storage.support import DataPlace, make, open_store, refused
from tests.storage.test_import import many
from tests.support import BOUND
from workflow_mcp.storage.store import Store
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.repositories import Repository
from workflow_mcp.work.values import Actor, ItemUpdate, Project


async def test_the_last_changes_and_those_after_a_position(store: Store, project: Project, ana: Actor) -> None:
    """Of the project or one item, deleted ones too; a project without a file has none."""
    assert (await store.history(project, HistoryQuery())).entries == ()
    await make(store, project, ana, "one", "two")
    await store.update_items(project, [ItemUpdate(1, title="eins")], ana)
    await store.delete_items(project, [2], ana)
    history = await store.history(project, HistoryQuery())
    told = [(one.item, one.action, one.title, one.actor) for one in history.entries]
    assert told == [
        (1, "created", "eins", "ana"), (2, "created", "two", "ana"), (1, "updated", "eins", "ana"),
        (2, "deleted", "two", "ana"),
    ]  # fmt: skip
    assert history.settled == history.entries[-1].position
    assert (await store.history(project, HistoryQuery(limit=2))).entries == history.entries[2:]
    first = history.entries[0].position
    after = await store.history(project, HistoryQuery(after=first, limit=2))
    assert (after.entries, after.settled) == (history.entries[1:3], history.entries[2].position)
    assert [one.action for one in (await store.history(project, HistoryQuery(2))).entries] == ["created", "deleted"]
    await refused("ITEM_NOT_FOUND", store.history(project, HistoryQuery(3)))
    await refused("LIMIT_INVALID", store.history(project, HistoryQuery(limit=1001)))


async def test_where_a_project_is_worked_in(store: Store, project: Project, other: Project, ana: Actor) -> None:
    """The directories of its last changes, the latest first and each once; then its repositories."""
    assert await store.directories(project) == ()
    await make(store, other, Actor("bob", "/elsewhere"), "foreign")
    for directory in ("/a", "/b", "", "/a", ""):
        await make(store, project, Actor("bob", directory), "one")
    await store.add_repository(project, Repository("/r/.git"))
    assert await store.directories(project) == ("/a", "/b", "/r")
    assert await store.directories(other) == ("/elsewhere",)


async def test_what_an_import_brings_is_not_missed(
    store: Store, place: DataPlace, project: Project, other: Project, ana: Actor
) -> None:
    """Events that are stored before others and are seen after them are beyond the settled position until then."""
    await make(store, other, ana, "taken")
    seen: list[int] = []
    settled = (await store.history(other, HistoryQuery())).settled
    async with open_store(place) as beside, asyncio.timeout(BOUND):
        importing = asyncio.create_task(store.import_items(other, many(), ana))
        while not importing.done():
            await make(beside, other, ana, "beside")
            history = await beside.history(other, HistoryQuery(after=settled, limit=1000))
            seen += [one.position for one in history.entries if one.position not in seen]
            settled = history.settled
        history = await beside.history(other, HistoryQuery(after=settled, limit=1000))
        seen += [one.position for one in history.entries if one.position not in seen]
    every = await store.history(other, HistoryQuery(limit=1000))
    assert set(seen) == {one.position for one in every.entries[1:]}
    assert seen != sorted(seen)
