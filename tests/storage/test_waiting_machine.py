"""Random work beside those who wait: whatever is ready has been claimed by one who waited for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.support import DataPlace, check_invariants, data_of, emptied, open_store
from tests.support import BOUND, FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

PROJECT = Project("11111111-1111-4111-8111-111111111111", "model")
PLANNER = Actor("planner", "/p")
LABELS = (None, "x")
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(LABELS)),
    st.tuples(st.just("create"), st.sampled_from(LABELS)),
    st.tuples(st.sampled_from(["leave", "finish", "give_up", "delete", "block"]), st.integers(0, 9)),
    st.tuples(st.just("expire"), st.none()),
)


@dataclass
class Waiting:
    """One who waits, for an item with a label or for any."""

    actor: Actor
    label: str | None
    task: asyncio.Task[Claim | None]


@dataclass
class World:
    """A store, and all who wait or have waited for something in it; another store on the same files makes changes."""

    store: Store
    other: Store
    clock: FakeClock
    waiting: list[Waiting] = field(default_factory=list)
    holders: dict[int, Actor] = field(default_factory=dict)
    actors: int = 0

    async def wait(self, label: str | None) -> None:
        """Another one waits."""
        self.actors += 1
        actor = Actor(f"w{self.actors}", "/w")
        claim = self.store.claim_item(PROJECT, actor, label=label, lease=timedelta(minutes=1), wait_seconds=10 * BOUND)
        self.waiting.append(Waiting(actor, label, asyncio.create_task(claim)))

    async def create(self, label: str | None) -> None:
        """A new item, made elsewhere."""
        await self.other.create_items(PROJECT, [NewItem("x", labels=() if label is None else (label,))], PLANNER)

    async def leave(self, which: int) -> None:
        """One who waits gives up, at any moment."""
        if self.waiting:
            one = self.waiting.pop(which % len(self.waiting))
            one.task.cancel()
            await asyncio.wait([one.task])
            if not one.task.cancelled() and (claim := one.task.result()):
                self.holders[claim.item.id] = one.actor

    async def finish(self, which: int) -> None:
        """A holder finishes an item."""
        await self._change(which, status="completed")

    async def give_up(self, which: int) -> None:
        """A holder gives an item up."""
        await self._change(which, status="pending")

    async def _change(self, which: int, status: str) -> None:
        if self.holders:
            item_id = sorted(self.holders)[which % len(self.holders)]
            await self.store.update_items(PROJECT, [ItemUpdate(item_id, status=status)], self.holders.pop(item_id))

    async def delete(self, which: int) -> None:
        """A holder deletes an item, which frees what waits for it."""
        if self.holders:
            item_id = sorted(self.holders)[which % len(self.holders)]
            await self.other.delete_items(PROJECT, [item_id], self.holders.pop(item_id))

    async def block(self, which: int) -> None:
        """A new item waits for one that is held."""
        if self.holders:
            first = sorted(self.holders)[which % len(self.holders)]
            await self.store.create_items(PROJECT, [NewItem("x", depends_on=(first,))], PLANNER)

    async def expire(self, _nothing: None) -> None:
        """All leases end, and something is written: a clock that stands still cannot wake anybody."""
        self.clock.advance(60)
        self.holders.clear()
        await self.other.create_items(PROJECT, [NewItem("x")], PLANNER)

    async def settle(self) -> None:
        """Wait until nobody waits for what is ready, and every item is held by whom was told so."""
        async with asyncio.timeout(BOUND):
            while not await self._is_settled():
                pass

    async def _is_settled(self) -> bool:
        listed = (await self.store.list_whole_items(PROJECT, ItemQuery("open", limit=200))).items
        held = {item.id: item.assignee for item in listed if item.state == "in_progress"}
        self._collect()
        wanted = {one.label for one in self.waiting}
        ready = [item for item in listed if item.ready and any(one is None or one in item.labels for one in wanted)]
        return not ready and held == {item_id: actor.name for item_id, actor in self.holders.items()}

    def _collect(self) -> None:
        for one in [each for each in self.waiting if each.task.done()]:
            self.waiting.remove(one)
            claim = one.task.result()
            assert claim is not None
            assert claim.item.assignee == one.actor.name
            assert claim.item.id not in self.holders
            self.holders[claim.item.id] = one.actor


async def played(place: DataPlace, steps: list[tuple[str, object]]) -> None:
    """Take these steps, and let everything settle after each but those that come in between two others."""
    clock = FakeClock()
    with emptied(place) as empty:
        async with open_store(empty, clock=clock) as store, open_store(empty, clock=clock) as other:
            await store.ensure(PROJECT)
            world = World(store, other, clock)
            for number, (step, argument) in enumerate(steps):
                await getattr(world, step)(argument)
                if number % 2:
                    await world.settle()
            await world.settle()
            for one in world.waiting:
                one.task.cancel()
            if world.waiting:
                await asyncio.wait([one.task for one in world.waiting])
        check_invariants(data_of(empty, PROJECT))


@pytest.mark.parametrize("examples", [8, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_nobody_waits_for_what_is_ready(place: DataPlace, examples: int) -> None:
    """Whoever comes, leaves, finishes, gives up, deletes or blocks: each item has one holder, and is left to nobody."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, min_size=4, max_size=20))
    def run(steps: list[tuple[str, object]]) -> None:
        asyncio.run(played(place, steps))

    run()
