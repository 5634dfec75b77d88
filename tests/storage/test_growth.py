"""What calls cost as a project fills, in steps of SQLite's machine: the same on a busy computer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.storage.support import open_store
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

ACTOR = Actor("ana", "/")
SMALL, LARGE = Project("11111111-1111-4111-8111-111111111111", "small"), Project(
    "22222222-2222-4222-8222-222222222222", "large"
)  # fmt: skip
SIZES = {SMALL: 300, LARGE: 3000}
STEPS = 10

Call = Callable[[Store, Project], Awaitable[object]]


class Steps:
    """Counts the steps, in tens, that all connections of this process make."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        """Count ten; 0 lets SQLite go on."""
        self.count += 1
        return 0

    def connect(self, connect: Callable[..., sqlite3.Connection], *args: object, **options: object) -> object:
        """A connection whose steps are counted."""
        connection = connect(*args, **options)
        connection.set_progress_handler(self.add, STEPS)
        return connection


async def fill(store: Store, project: Project) -> None:
    """Items of ten kinds, every tenth finished; #1 and #2 are blocked and have children."""
    for start in range(0, SIZES[project], 100):
        plan = [NewItem(f"part {start + n}", description=f"the {n % 10} of it") for n in range(100)]
        made = (await store.create_items(project, plan, ACTOR)).items
        await store.update_items(project, [ItemUpdate(one.id, status="completed") for one in made[50::10]], ACTOR)
    await store.create_items(project, [NewItem("The zanzibar", description="of none")], ACTOR)
    for one in range(100, SIZES[project], 2):
        await store.link_items(project, one, one + 1, "relates_to", ACTOR)
    for one in (1, 2):
        await store.link_items(project, 20 + one, one, "blocks", ACTOR)
        await store.update_items(project, [ItemUpdate(30 + one, parent=one)], ACTOR)


def searching(text: str) -> Call:
    """A search of all items."""
    return lambda store, project: store.list_items(project, ItemQuery("all", text=text))


async def delete_and_restore(store: Store, project: Project, ids: Sequence[int]) -> None:
    """Hide items, and bring them back."""
    await store.delete_items(project, ids, ACTOR, confirm=True)
    await store.delete_items(project, ids, ACTOR, restore=True)


async def list_one(store: Store, project: Project) -> None:
    """The shortest list."""
    await store.list_items(project, ItemQuery("all", limit=1))


CALLS: dict[str, Call] = {
    "delete and restore 20": partial(delete_and_restore, ids=range(1, 21)),
    "search, none found": searching("zebra"),
    "search, one found": searching("zanzibar of"),
    "list mine": lambda store, project: store.list_items(project, ItemQuery("mine", actor="nobody")),
    "list the tree below one": lambda store, project: store.list_tree(project, ItemQuery("tree", parent=1)),
    "get a blocked one": lambda store, project: store.get_item(project, 1),
    "finish and reopen": lambda store, project: store.update_items(project, [ItemUpdate(9, status="cancelled")], ACTOR),
    "link": lambda store, project: store.link_items(project, 11, 12, "blocks", ACTOR),
    "claim": lambda store, project: store.claim_item(project, ACTOR),
}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """The steps of all connections that are opened from now on."""
    counted = Steps()
    monkeypatch.setattr(sqlite3, "connect", partial(counted.connect, sqlite3.connect))
    return counted


async def test_what_names_or_finds_few_items_costs_the_same_among_many(tmp_path: Path, steps: Steps) -> None:
    """Ten times as many items do not make it even twice as expensive: an index leads to what is meant."""

    async def cost(call: Call, project: Project) -> int:
        before = steps.count
        await call(store, project)
        return steps.count - before

    async with open_store(tmp_path) as store:
        await asyncio.gather(*(fill(store, project) for project in SIZES))
        # Every list also counts the items of each state, along an index.
        counting = {project: await cost(list_one, project) for project in SIZES}
        costs = {}
        for name, call in CALLS.items():
            counted = counting if name.startswith(("search", "list")) else dict.fromkeys(SIZES, 0)
            costs[name] = [await cost(call, project) - counted[project] for project in SIZES]
    grown = {name: own for name, own in costs.items() if own[1] > 2 * own[0] + 200}
    assert not grown, costs
