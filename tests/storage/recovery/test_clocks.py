"""A clock that is set forward or back loses no lease, prolongs none, and writes nothing that was before it was."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.support import ids, item, make, open_store, refused
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.uptime import Uptime, machine_uptime
from workflow_mcp.work.values import Actor, ItemUpdate, Project

DAY = 86_400.0
SET = pytest.mark.parametrize("by", [DAY, -DAY, 3600.0, -3600.0])
LEASE = timedelta(minutes=30)


class Machine:
    """A clock that can be set, and time that cannot."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.uptime = Uptime("a start", 1000.0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.uptime = self.uptime._replace(seconds=self.uptime.seconds + seconds)

    def set_clock(self, by: float) -> None:
        """Set the clock."""
        self.clock.advance(by)

    def start_anew(self) -> None:
        """Start the machine anew."""
        self.uptime = Uptime("another start", 5.0)


@SET
@pytest.mark.parametrize("writes_between", [False, True])
async def test_a_lease_lasts_as_long_as_it_was_given_for(
    *, tmp_path: Path, project: Project, ana: Actor, bob: Actor, by: float, writes_between: bool
) -> None:
    """Whether the clock was set, and whether anything was written since: it holds for 30 minutes and no longer."""
    machine = Machine()
    async with open_store(tmp_path, clock=machine.clock, uptime=lambda: machine.uptime) as store:
        (one,) = await make(store, project, ana, "x")
        await store.claim_item(project, ana, one, lease=LEASE)
        machine.pass_time(60)
        machine.set_clock(by)
        if writes_between:
            await make(store, project, bob, "y")
        machine.pass_time(28 * 60)
        assert await ids(store, project, "mine", actor="ana") == [one]
        await refused("ITEM_CLAIMED", store.claim_item(project, bob, one))
        machine.pass_time(2 * 60)
        assert (await item(store, project, one)).state == "ready"
        assert (await store.claim_item(project, bob, one)) is not None


async def test_a_lease_shows_the_time_by_the_clock_as_it_is_now(tmp_path: Path, project: Project, ana: Actor) -> None:
    """After the next change, it says when it ends by the clock that was set."""
    machine = Machine()
    async with open_store(tmp_path, clock=machine.clock, uptime=lambda: machine.uptime) as store:
        (one,) = await make(store, project, ana, "x")
        claim = await store.claim_item(project, ana, one, lease=LEASE)
        assert claim is not None
        assert claim.item.claim_expires_at is not None
        machine.set_clock(DAY)
        await make(store, project, ana, "y")
        moved = (await item(store, project, one)).claim_expires_at
        assert moved == claim.item.claim_expires_at + timedelta(days=1)


async def test_a_clock_that_is_behind_after_a_new_start_loses_no_lease(
    tmp_path: Path, project: Project, ana: Actor, bob: Actor
) -> None:
    """Nor does one that the machine got wrong by a day let it last for that day."""
    machine = Machine()
    async with open_store(tmp_path, clock=machine.clock, uptime=lambda: machine.uptime) as store:
        (one,) = await make(store, project, ana, "x")
        await store.claim_item(project, ana, one, lease=LEASE)
    machine.start_anew()
    machine.set_clock(-DAY)
    async with open_store(tmp_path, clock=machine.clock, uptime=lambda: machine.uptime) as store:
        await make(store, project, ana, "y")
        await refused("ITEM_CLAIMED", store.claim_item(project, bob, one))
        machine.pass_time(31 * 60)
        assert (await store.claim_item(project, bob, one)) is not None


@SET
async def test_nothing_is_written_before_what_was(
    store: Store, project: Project, ana: Actor, clock: FakeClock, by: float
) -> None:
    """`updated_at` is never before `created_at`, and events are in the order in which they happened."""
    (one,) = await make(store, project, ana, "x")
    clock.advance(by)
    await store.update_items(project, [ItemUpdate(one, title="y", note="z")], ana)
    await store.claim_item(project, ana, one)
    await store.update_items(project, [ItemUpdate(one, status="completed")], ana)
    detail = await store.get_item(project, one)
    times = [event.at for event in detail.events]
    assert times == sorted(times)
    assert detail.item.updated_at >= detail.item.created_at
    assert detail.item.completed_at is not None
    assert detail.item.completed_at >= detail.item.created_at


def test_the_machine_says_how_long_it_has_been_up() -> None:
    """The same start each time, and time that goes on."""
    first, second = machine_uptime(), machine_uptime()
    if first is None or second is None:
        pytest.skip("only Linux tells which start of the machine it is")
    assert first.boot == second.boot
    assert first.seconds <= second.seconds
