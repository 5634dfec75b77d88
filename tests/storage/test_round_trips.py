"""What is exported, imported and exported again is the same, whatever happened in the project."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.support import DataPlace, check_invariants, data_of, open_store
from tests.support import FakeClock
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import LINK_KINDS, STATUSES, UNSET, Actor, ItemUpdate, NewItem, Project

Action = Callable[[Store, Project], Awaitable[Any]]
ANA, BOB = Actor("ana", "/home/ana"), Actor("Bob Ó", "C:\\bob")

actors = st.sampled_from([ANA, BOB])
ids = st.integers(1, 12)
lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
new_items = st.builds(
    NewItem, lines, description=texts, priority=st.integers(0, 4), labels=st.lists(lines, max_size=2).map(tuple),
    parent=st.none() | ids, depends_on=st.lists(ids, max_size=2).map(tuple),
    acceptance=st.lists(lines, max_size=2, unique=True).map(tuple),
)  # fmt: skip
updates = st.builds(
    ItemUpdate, ids, title=st.none() | lines, status=st.none() | st.sampled_from(STATUSES),
    parent=st.just(UNSET) | st.none() | ids, assignee=st.just(UNSET) | st.none() | st.just("Cleo"),
    note=st.none() | texts, met=st.just(()) | st.just((1,)), evidence=st.lists(lines, max_size=1).map(tuple),
    add_labels=st.lists(lines, max_size=1).map(tuple),
)  # fmt: skip


def creating(item: NewItem, actor: Actor) -> Action:
    """Create an item."""
    return lambda store, project: store.create_items(project, [item], actor)


def updating(update: ItemUpdate, actor: Actor) -> Action:
    """Change an item."""
    return lambda store, project: store.update_items(project, [update], actor)


def claiming(item_id: int | None, actor: Actor) -> Action:
    """Claim an item."""
    return lambda store, project: store.claim_item(project, actor, item_id)


def linking(item_id: int, other: int, kind: str, actor: Actor) -> Action:
    """Link two items."""
    return lambda store, project: store.link_items(project, item_id, other, kind, actor)


def deleting(item_id: int, restore: bool, actor: Actor) -> Action:
    """Delete or restore an item."""
    return lambda store, project: store.delete_items(project, [item_id], actor, restore=restore, confirm=True)


actions = st.one_of(
    st.builds(creating, new_items, actors),
    st.builds(updating, updates, actors),
    st.builds(claiming, st.none() | ids, actors),
    st.builds(linking, ids, ids, st.sampled_from(LINK_KINDS), actors),
    st.builds(deleting, ids, st.booleans(), actors),
)


async def exported(store: Store, project: Project) -> list[str]:
    """The lines of an export."""
    return [json.dumps(record) async for record in store.export(project)]


def test_every_round_trip_is_exact(place: DataPlace) -> None:
    """Items, links, notes and events are the same to the byte, in the same order; only the project is another."""
    project, clock = Project(str(uuid4()), "one"), FakeClock()

    async def try_these(store: Store, done: list[Action]) -> None:
        for action in done:
            clock.advance(1000)
            with contextlib.suppress(WorkflowError):
                await action(store, project)
        lines = await exported(store, project)
        assert await exported(store, project) == lines
        copy = Project(str(uuid4()), "two")
        assert (await store.import_items(copy, map_json(lines), ANA)).renumbered == {}
        assert (await exported(store, copy))[1:] == lines[1:]
        check_invariants(data_of(place, copy))

    with asyncio.Runner() as runner:
        opened = open_store(place, clock=clock, max_open=2)
        store = runner.run(opened.__aenter__())

        @given(st.lists(actions, min_size=1, max_size=12))
        @settings(deadline=None, max_examples=12)
        def body(done: list[Action]) -> None:
            runner.run(try_these(store, done))

        runner.run(try_these(store, [creating(NewItem("first"), ANA)]))
        body()
        runner.run(opened.__aexit__(None, None, None))


def map_json(lines: list[str]) -> list[Any]:
    """The objects on some lines."""
    return [json.loads(line) for line in lines]
