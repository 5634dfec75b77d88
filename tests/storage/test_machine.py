"""Random work against a model that is a plain dictionary."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.storage.support import DataPlace, check_invariants, data_of, emptied, open_store
from tests.support import FakeClock
from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import Actor, Item, ItemQuery, ItemSummary, ItemUpdate, NewItem, Project

PROJECT = Project("11111111-1111-4111-8111-111111111111", "model")
ACTORS = ("ana", "bob")


@dataclass
class Row:
    """What the model knows of an item."""

    priority: int
    parent: int | None
    status: str = "pending"
    holder: str | None = None
    until: float = 0
    hidden_by: int = 0
    blockers: set[int] = field(default_factory=set)

    @property
    def unfinished(self) -> bool:
        """Whether others wait for it."""
        return self.status in ("pending", "in_progress") and not self.hidden_by


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to a dictionary."""

    place: DataPlace

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.emptied = emptied(self.place)
        self.here = self.emptied.__enter__()
        self.clock = FakeClock()
        self.opened = open_store(self.here, clock=self.clock)
        self.store = self.loop.run_until_complete(self.opened.__aenter__())
        self.rows: dict[int, Row] = {}
        self.told: list[Item] = []

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        """The result of a call, or the code of its error."""
        self.told = []
        try:
            result = self.loop.run_until_complete(call)
        except WorkflowError as error:
            return error.code
        told = [result.item] if isinstance(result, Claim) else getattr(result, "items", ())
        self.told = [one for one in told if isinstance(one, Item) and not one.deleted]
        return result

    def teardown(self) -> None:
        """Look at the rows, and leave nothing behind."""
        self.loop.run_until_complete(self.opened.__aexit__(None, None, None))
        data = data_of(self.here, PROJECT)
        if not isinstance(data, Path) or data.exists():
            check_invariants(data)
        self.loop.close()
        self.emptied.__exit__(None, None, None)

    def pick(self, number: int) -> int:
        """One of the ids there are."""
        return 1 + number % len(self.rows)

    def waits_for(self, item_id: int) -> set[int]:
        """All that an item waits for, hidden and finished or not."""
        found: set[int] = set()
        todo = [item_id]
        while todo:
            one = todo.pop()
            below = {other for other, row in self.rows.items() if row.parent == one}
            new = (self.rows[one].blockers | self.inherited(one) | below) - found
            found |= new
            todo += new
        return found

    def ancestors(self, item_id: int) -> set[int]:
        """All that is above an item."""
        above = self.rows[item_id].parent
        return set() if above is None else {above} | self.ancestors(above)

    def inherited(self, item_id: int) -> set[int]:
        """What an item waits for because one above it does, of which it is no part."""
        above = self.ancestors(item_id)
        return {other for one in above for other in self.rows[one].blockers if one not in self.ancestors(other)}

    def cyclic(self) -> bool:
        """Whether an item waits for itself."""
        return any(one in self.waits_for(one) for one in self.rows)

    def held(self, item_id: int) -> bool:
        """Whether a claim holds."""
        row = self.rows[item_id]
        return row.status == "in_progress" and row.until > self.clock.now

    def ready(self) -> list[int]:
        """What may be claimed, the first one first."""
        found = [one for one, row in self.rows.items() if not row.hidden_by and self.idle(one) and not self.waits(one)]
        return sorted(found, key=lambda one: (self.rows[one].priority, one))

    def idle(self, item_id: int) -> bool:
        """Whether nobody works on an item that is not finished."""
        return self.rows[item_id].status == "pending" or (
            self.rows[item_id].status == "in_progress" and not self.held(item_id)
        )

    def waits(self, item_id: int) -> bool:
        """Whether it has an unfinished blocker or child."""
        blockers = self.rows[item_id].blockers | self.inherited(item_id)
        children = {one for one, row in self.rows.items() if row.parent == item_id}
        return any(self.rows[one].unfinished for one in blockers | children)

    def subtree(self, item_id: int) -> set[int]:
        """An item and all below it that is as hidden as it is."""
        like = self.rows[item_id].hidden_by
        found = {item_id}
        while True:
            more = {one for one, row in self.rows.items() if row.parent in found and row.hidden_by == like} - found
            if not more:
                return found
            found |= more

    def depth(self, item_id: int | None) -> int:
        """Its level."""
        return 0 if item_id is None else 1 + self.depth(self.rows[item_id].parent)

    def height(self, item_id: int) -> int:
        """How many levels it takes with all below it."""
        return 1 + max((self.height(one) for one, row in self.rows.items() if row.parent == item_id), default=0)

    @rule(priority=st.integers(0, 4), parent=st.none() | st.integers(0, 99), blocker=st.none() | st.integers(0, 99))
    def create(self, priority: int, parent: int | None, blocker: int | None) -> None:
        """Create one item below and after others."""
        above = self.pick(parent) if parent is not None and self.rows else None
        before = self.pick(blocker) if blocker is not None and self.rows else None
        new = NewItem("x", priority=priority, parent=above, depends_on=(before,) if before else ())
        got = self.do(self.store.create_items(PROJECT, [new], Actor("ana", "/")))
        if any(one and self.rows[one].hidden_by for one in (above, before)):
            assert got == "ITEM_DELETED"
        elif self.depth(above) >= 8:
            assert got == "ITEM_TOO_DEEP"
        elif above and before and (above == before or above in self.waits_for(before)):
            assert got == "ITEM_CYCLE"
        else:
            assert [one.id for one in got.items] == [len(self.rows) + 1]
            self.rows[got.items[0].id] = Row(priority, above, blockers={before} if before else set())

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 99), parent=st.none() | st.integers(0, 99), actor=st.sampled_from(ACTORS))
    def move(self, which: int, parent: int | None, actor: str) -> None:
        """Put an item elsewhere."""
        one, above = self.pick(which), None if parent is None else self.pick(parent)
        got = self.do(self.store.update_items(PROJECT, [ItemUpdate(one, parent=above)], Actor(actor, "/")))
        if self.refused(one, actor, got):
            return
        before = self.rows[one].parent
        if above != before and above is not None:
            if self.rows[above].hidden_by:
                assert got == "ITEM_DELETED"
                return
            if above == one or above in self.waits_for(one):
                assert got == "ITEM_CYCLE"
                return
            if self.depth(above) + self.height(one) > 8:
                assert got == "ITEM_TOO_DEEP"
                return
        self.rows[one].parent = above
        if self.cyclic():
            assert got == "ITEM_CYCLE"
            self.rows[one].parent = before
            return
        assert not isinstance(got, str), got
        self.renew(one, actor)

    def refused(self, one: int, actor: str, got: Any) -> bool:
        """Whether the call had to fail because of whom it came from or what it was for."""
        due = None
        if self.rows[one].hidden_by:
            due = "ITEM_DELETED"
        elif self.held(one) and self.rows[one].holder != actor:
            due = "ITEM_CLAIMED"
        assert due is None or got == due
        return due is not None

    def renew(self, one: int, actor: str) -> None:
        """What an update of the holder does."""
        if self.rows[one].status == "in_progress" and self.rows[one].holder == actor:
            self.rows[one].until = self.clock.now + 3600

    @precondition(lambda self: self.rows)
    @rule(blocker=st.integers(0, 99), which=st.integers(0, 99), remove=st.booleans())
    def link(self, blocker: int, which: int, remove: bool) -> None:
        """Let one block another, or not any more."""
        one, other = self.pick(blocker), self.pick(which)
        got = self.do(self.store.link_items(PROJECT, one, other, "blocks", Actor("ana", "/"), remove=remove))
        if one == other:
            assert got == "ITEM_INVALID"
        elif self.rows[one].hidden_by or self.rows[other].hidden_by:
            assert got == "ITEM_DELETED"
        elif self.refused(other, "ana", got):
            return
        elif remove:
            self.renew_if(got, other)
            assert got.changed == (one in self.rows[other].blockers)
            self.rows[other].blockers.discard(one)
        elif one in self.rows[other].blockers:
            assert not got.changed
        else:
            self.rows[other].blockers.add(one)
            if self.cyclic():
                assert got == "ITEM_CYCLE"
                self.rows[other].blockers.discard(one)
            else:
                self.renew(other, "ana")

    def renew_if(self, got: Any, one: int) -> None:
        """What a change by ana does."""
        if got.changed:
            self.renew(one, "ana")

    @rule(actor=st.sampled_from(ACTORS))
    def claim_first(self, actor: str) -> None:
        """Take what is first."""
        due = self.ready()
        got = self.do(self.store.claim_item(PROJECT, Actor(actor, "/")))
        assert (got.item.id if got else None) == (due[0] if due else None)
        if due:
            self.take(due[0], actor)

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 99), actor=st.sampled_from(ACTORS))
    def claim(self, which: int, actor: str) -> None:
        """Take one that is named."""
        one = self.pick(which)
        own = self.held(one) and self.rows[one].holder == actor
        ready = one in self.ready() or own
        got = self.do(self.store.claim_item(PROJECT, Actor(actor, "/"), one))
        if self.refused(one, actor, got):
            return
        if ready:
            assert got.item.id == one
            assert (got.held_since is not None) == own
            self.take(one, actor)
        else:
            assert got == "ITEM_NOT_READY"

    def take(self, one: int, actor: str) -> None:
        """What a claim does."""
        row = self.rows[one]
        row.status, row.holder, row.until = "in_progress", actor, self.clock.now + 3600

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 99), actor=st.sampled_from(ACTORS))
    def start(self, which: int, actor: str) -> None:
        """Put one in progress, which claims it."""
        one = self.pick(which)
        row = self.rows[one]
        got = self.do(self.store.update_items(PROJECT, [ItemUpdate(one, status="in_progress")], Actor(actor, "/")))
        if self.refused(one, actor, got):
            return
        goes_on = row.status == "in_progress" and row.holder == actor
        if self.waits(one) and not goes_on:
            assert got == "ITEM_NOT_READY"
        else:
            assert not isinstance(got, str), got
            self.take(one, actor)

    @precondition(lambda self: self.rows)
    @rule(
        which=st.integers(0, 99),
        actor=st.sampled_from(ACTORS),
        status=st.sampled_from(("pending", "completed", "cancelled")),
        force=st.booleans(),
    )
    def finish(self, which: int, actor: str, status: str, force: bool) -> None:
        """Finish or reopen one, and hear what became ready; what is below one that is cancelled is cancelled, too."""
        one, before = self.pick(which), set(self.ready())
        update = ItemUpdate(one, status=status, force=force)
        got = self.do(self.store.update_items(PROJECT, [update], Actor(actor, "/")))
        if self.refused(one, actor, got):
            return
        changed = self.rows[one].status != status
        below = {each for each, row in self.rows.items() if one in self.ancestors(each) and row.unfinished}
        below = below if changed and status == "cancelled" else set()
        if changed and status == "completed" and not force and self.waits(one):
            assert got == "ITEM_UNFINISHED"
            return
        if not force and any(self.held(each) and self.rows[each].holder != actor for each in below):
            assert got == "ITEM_CLAIMED"
            return
        assert got.below == len(below)
        for each in {one} | below:
            self.rows[each].status = status
        became = {item.id for item in got.became_ready}
        assert became == set(self.ready()) - before or (
            changed and became - {one} == set(self.ready()) - before - {one}
        )

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 99), actor=st.sampled_from(ACTORS), confirm=st.booleans())
    def delete(self, which: int, actor: str, confirm: bool) -> None:
        """Hide one and all below it."""
        one = self.pick(which)
        got = self.do(self.store.delete_items(PROJECT, [one], Actor(actor, "/"), confirm=confirm))
        if self.rows[one].hidden_by:
            assert not isinstance(got, str)
            return
        below = self.subtree(one)
        if len(below) > 1 and not confirm:
            assert got == "CHILDREN_NEED_CONFIRM"
        elif any(self.held(each) and self.rows[each].holder != actor for each in below):
            assert got == "ITEM_CLAIMED"
        else:
            assert not isinstance(got, str)
            for each in below:
                self.rows[each].hidden_by = one

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 99))
    def restore(self, which: int) -> None:
        """Show one again, with what was hidden with it."""
        one = self.pick(which)
        got = self.do(self.store.delete_items(PROJECT, [one], Actor("ana", "/"), restore=True))
        row = self.rows[one]
        if row.hidden_by and row.parent is not None and self.rows[row.parent].hidden_by:
            assert got == "PARENT_DELETED"
            return
        hidden = self.subtree(one) if row.hidden_by else set()
        if any(self.held(each) and self.rows[each].holder != "ana" for each in hidden):
            assert got == "ITEM_CLAIMED"
            return
        assert not isinstance(got, str)
        for each in hidden:
            self.rows[each].hidden_by = 0

    @rule(minutes=st.sampled_from((1, 59, 61)))
    def wait(self, minutes: int) -> None:
        """Let leases run out."""
        self.clock.advance(60 * minutes)
        self.told = []

    @invariant()
    def lists_agree(self) -> None:
        """The store says what the model says, and what the last call said."""
        told = self.told
        page = self.do(self.store.list_items(PROJECT, ItemQuery("ready", limit=200)))
        assert [one.id for one in page.items] == self.ready()
        visible = {one: row for one, row in self.rows.items() if not row.hidden_by}
        assert page.counts.total == len(visible)
        assert page.counts.ready == len(self.ready())
        whole = self.do(self.store.list_whole_items(PROJECT, ItemQuery("all", limit=200))).items
        assert [(one.id, one.parent, one.status) for one in whole] == [
            (one, row.parent, row.status) for one, row in sorted(visible.items())
        ]
        assert set(told) <= set(whole)
        listed = self.do(self.store.list_items(PROJECT, ItemQuery("all", limit=200))).items
        fields = [field.name for field in dataclasses.fields(ItemSummary)]
        assert [{name: getattr(one, name) for name in fields} for one in whole] == list(map(dataclasses.asdict, listed))


@pytest.mark.parametrize("examples", [8, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_the_store_does_what_the_model_does(place: DataPlace, examples: int) -> None:
    """Created, moved, linked, claimed, finished, deleted and restored in whatever order."""
    run_state_machine_as_test(
        type("MachineInPlace", (StoreMachine,), {"place": place}),
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
