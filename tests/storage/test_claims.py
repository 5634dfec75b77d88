"""Who holds an item, and until when."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from tests.storage.support import DataPlace, data_of, ids, item, make, raw, refused
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project


async def test_the_first_ready_item_is_claimed(store: Store, project: Project, ana: Actor) -> None:
    """By priority, then age; of the type and label that were asked for; none when there is none."""
    plan = [NewItem("old"), NewItem("urgent", priority=0), NewItem("bug", item_type="bug", labels=("x",))]
    await store.create_items(project, [*plan, NewItem("waits", priority=0, depends_on=(1,))][:3], ana)
    bug = await store.claim_item(project, ana, item_type="bug", label="x")
    assert bug is not None
    assert bug.item.id == 3
    taken = [await store.claim_item(project, ana) for _ in range(3)]
    assert [one.item.id if one else None for one in taken] == [2, 1, None]


async def test_a_claim_keeps_others_out_for_its_lease(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Others are told who holds the item and until when; with the version that is current they may step in."""
    (one,) = await make(store, project, ana, "one")
    held = await store.claim_item(project, ana, one, lease=timedelta(minutes=10))
    assert held is not None
    expires = held.item.claim_expires_at
    assert expires is not None
    assert expires.timestamp() == clock.now + 600
    error = await refused("ITEM_CLAIMED", store.claim_item(project, bob, one))
    assert "'ana'" in str(error)
    assert f"{expires:%H:%M:%SZ}" in str(error)
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(one, title="x")], bob))
    await refused(
        "VERSION_CONFLICT", store.update_items(project, [ItemUpdate(one, title="x", expected_version=1)], bob)
    )
    stepped_in = ItemUpdate(one, title="x", expected_version=held.item.version)
    assert (await store.update_items(project, [stepped_in], bob)).items[0].assignee == "ana"


async def test_any_update_of_the_holder_renews_the_lease(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """From the moment of the update, by the length it was claimed for."""
    (one,) = await make(store, project, ana, "one")
    await store.claim_item(project, ana, one, lease=timedelta(minutes=10))
    clock.advance(60 * 9)
    await store.update_items(project, [ItemUpdate(one, note="still here")], ana)
    clock.advance(60 * 9)
    await refused("ITEM_CLAIMED", store.claim_item(project, bob, one))
    held = await item(store, project, one)
    assert (held.state, held.assignee) == ("in_progress", "ana")


async def test_what_was_ready_already_does_not_become_so(
    store: Store, project: Project, ana: Actor, clock: FakeClock
) -> None:
    """Giving up a claim makes an item ready; giving up one that had run out changes nothing about that."""
    (one,) = await make(store, project, ana, "one")
    release = ItemUpdate(one, status="pending")
    await store.claim_item(project, ana, one)
    assert [each.id for each in (await store.update_items(project, [release], ana)).became_ready] == [one]
    await store.claim_item(project, ana, one)
    clock.advance(60 * 60)
    assert (await store.update_items(project, [release], ana)).became_ready == ()


async def test_a_holder_back_from_the_dead_is_refused(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """A lease that ran out makes the item ready; whoever takes it over cannot be overwritten."""
    (one,) = await make(store, project, ana, "one")
    first = await store.claim_item(project, ana, lease=timedelta(minutes=10))
    assert first is not None
    clock.advance(60 * 10)
    assert await ids(store, project, "ready") == [one]
    counts = (await store.list_items(project, ItemQuery())).counts
    assert (counts.ready, counts.in_progress) == (1, 0)
    taken = await store.claim_item(project, bob)
    assert taken is not None
    assert (taken.item.id, taken.item.assignee) == (one, "bob")
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(one, status="completed")], ana))
    stale = ItemUpdate(one, status="completed", expected_version=first.item.version)
    await refused("VERSION_CONFLICT", store.update_items(project, [stale], ana))
    assert (await item(store, project, one)).status == "in_progress"


async def test_a_late_holder_goes_on_while_nobody_took_over(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """The update counts, and holds the item anew."""
    (one,) = await make(store, project, ana, "one")
    await store.claim_item(project, ana, one, lease=timedelta(minutes=10))
    clock.advance(60 * 11)
    (back,) = (await store.update_items(project, [ItemUpdate(one, note="back")], ana)).items
    assert (back.state, back.assignee) == ("in_progress", "ana")
    await refused("ITEM_CLAIMED", store.claim_item(project, bob, one))


@pytest.mark.parametrize("release", [ItemUpdate(1, status="pending"), ItemUpdate(1, assignee=None)])
async def test_a_released_item_is_nobodys_and_ready(
    store: Store, project: Project, ana: Actor, release: ItemUpdate
) -> None:
    """By making it pending, or nobody's."""
    await make(store, project, ana, "one")
    await store.claim_item(project, ana, 1)
    result = await store.update_items(project, [release], ana)
    assert [one.id for one in result.became_ready] == [1]
    now = result.items[0]
    assert (now.state, now.assignee, now.claim_expires_at) == ("ready", None, None)


async def test_a_claim_can_be_handed_over(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """The new assignee holds it from then on."""
    (one,) = await make(store, project, ana, "one")
    await store.claim_item(project, ana, one)
    await store.update_items(project, [ItemUpdate(one, assignee="bob")], ana)
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(one, title="x")], ana))
    (theirs,) = (await store.update_items(project, [ItemUpdate(one, title="x")], bob)).items
    assert (theirs.title, theirs.assignee) == ("x", "bob")


async def test_what_is_not_ready_cannot_be_claimed(store: Store, project: Project, ana: Actor) -> None:
    """The error says what it waits for."""
    await store.create_items(project, [NewItem("a", ref="a"), NewItem("b", depends_on=("a",))], ana)
    assert "it waits for #1" in str(await refused("ITEM_NOT_READY", store.claim_item(project, ana, 2)))
    await store.update_items(project, [ItemUpdate(1, status="cancelled")], ana)
    assert "it is cancelled" in str(await refused("ITEM_NOT_READY", store.claim_item(project, ana, 1)))
    assert (await store.claim_item(project, ana, 2)) is not None
    await refused("ITEM_NOT_FOUND", store.claim_item(project, ana, 9))
    await refused("ITEM_INVALID", store.claim_item(project, ana, lease=timedelta(0)))


async def test_claiming_what_one_holds_renews_it(store: Store, project: Project, ana: Actor, clock: FakeClock) -> None:
    """So that a repeated call does no harm."""
    (one,) = await make(store, project, ana, "one")
    await store.claim_item(project, ana, one)
    clock.advance(60 * 30)
    again = await store.claim_item(project, ana, one)
    assert again is not None
    assert again.item.claim_expires_at is not None
    assert again.item.claim_expires_at.timestamp() == clock.now + 3600


async def test_who_holds_an_item_already_is_told_since_when(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """From the first claim on, however often it was renewed since; a claim that ran out is begun anew."""
    (one,) = await make(store, project, ana, "one")
    start = datetime.fromtimestamp(clock.now, tz=UTC)
    assert (await claimed(store, project, ana, one)).held_since is None
    for _ in range(3):
        clock.advance(60 * 30)
        await store.update_items(project, [ItemUpdate(one, note="still here")], ana)
        assert (await claimed(store, project, ana, one)).held_since == start
    clock.advance(60 * 61)
    assert (await claimed(store, project, ana, one)).held_since is None
    clock.advance(60 * 5)
    await store.update_items(project, [ItemUpdate(one, assignee="bob")], ana)
    handed_over = datetime.fromtimestamp(clock.now, tz=UTC)
    clock.advance(60 * 5)
    assert (await claimed(store, project, bob, one)).held_since == handed_over


async def claimed(store: Store, project: Project, actor: Actor, item_id: int) -> Claim:
    """A claim that succeeds."""
    claim = await store.claim_item(project, actor, item_id)
    assert claim is not None
    return claim


START = "in_progress"


async def test_who_puts_an_item_in_progress_holds_it(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """As by a claim of an hour: nobody else starts, claims or changes it, until that has run out."""
    await make(store, project, ana, "one")
    (begun,) = (await store.update_items(project, [ItemUpdate(1, status=START)], ana)).items
    assert (begun.state, begun.assignee) == (START, "ana")
    assert begun.claim_expires_at is not None
    assert begun.claim_expires_at.timestamp() == clock.now + 3600
    assert (await claimed(store, project, ana, 1)).held_since == datetime.fromtimestamp(clock.now, tz=UTC)
    await refused("ITEM_CLAIMED", store.claim_item(project, bob, 1))
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(1, status=START)], bob))
    clock.advance(60 * 61)
    (taken,) = (await store.update_items(project, [ItemUpdate(1, status=START)], bob)).items
    assert (taken.state, taken.assignee) == (START, "bob")
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(1, note="late")], ana))


async def test_a_finished_item_is_reopened_by_whom_it_is_then(
    store: Store, project: Project, ana: Actor, bob: Actor
) -> None:
    """Put in progress again it is claimed, and what waited for it waits again."""
    await store.create_items(project, [NewItem("a", ref="a"), NewItem("b", depends_on=("a",))], ana)
    await store.update_items(project, [ItemUpdate(1, status="completed")], ana)
    (again,) = (await store.update_items(project, [ItemUpdate(1, status=START)], bob)).items
    assert (again.state, again.assignee, again.completed_at) == (START, "bob", None)
    assert (await item(store, project, 2)).state == "blocked"


async def test_what_is_blocked_cannot_be_put_in_progress(store: Store, project: Project, ana: Actor) -> None:
    """Unless the same call finishes what it waits for; not when the same call makes it wait; the holder goes on."""
    await store.create_items(project, [NewItem("a", ref="a"), NewItem("b", depends_on=("a",))], ana)
    start = ItemUpdate(2, status=START)
    assert "it waits for #1" in str(await refused("ITEM_NOT_READY", store.update_items(project, [start], ana)))
    assert (await item(store, project, 2)).assignee is None
    finish, reopen = (ItemUpdate(1, status=status) for status in ("completed", "pending"))
    result = await store.update_items(project, [finish, start], ana)
    assert [one.state for one in result.items] == ["completed", START]
    await store.update_items(project, [ItemUpdate(2, status="pending")], ana)
    assert "it waits for #1" in str(await refused("ITEM_NOT_READY", store.update_items(project, [start, reopen], ana)))
    await store.update_items(project, [start], ana)
    await store.update_items(project, [reopen], ana)
    assert (await store.update_items(project, [start], ana)).items[0].assignee == "ana"


async def test_an_item_can_be_started_for_somebody(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """The assignee that is named holds it; in progress and nobody's is a contradiction."""
    await make(store, project, ana, "one")
    unassigned = ItemUpdate(1, status=START, assignee=None)
    await refused("ITEM_INVALID", store.update_items(project, [unassigned], ana))
    await store.update_items(project, [ItemUpdate(1, status=START, assignee="bob")], ana)
    await refused("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(1, note="mine?")], ana))
    assert (await store.update_items(project, [ItemUpdate(1, note="mine")], bob)).items[0].assignee == "bob"


async def test_work_that_is_nobodys_can_be_taken(
    store: Store, place: DataPlace, project: Project, ana: Actor, bob: Actor
) -> None:
    """Items that an earlier version left in progress without a claim: nobody's are claimed, another's are not."""
    await make(store, project, ana, "one", "two", "three")
    raw(data_of(place, project), "UPDATE items SET status = 'in_progress'")
    raw(data_of(place, project), "UPDATE items SET assignee = 'ana' WHERE id = 3")
    assert (await claimed(store, project, bob, 1)).held_since is None
    assert (await store.update_items(project, [ItemUpdate(2, status=START)], bob)).items[0].assignee == "bob"
    assert "ana works on it" in str(
        await refused("ITEM_NOT_READY", store.update_items(project, [ItemUpdate(3, status=START)], bob))
    )
    (own,) = (await store.update_items(project, [ItemUpdate(3, status=START)], ana)).items
    assert own.claim_expires_at is not None


async def test_the_loser_is_not_told_how_to_override_the_winner(
    store: Store, project: Project, ana: Actor, bob: Actor
) -> None:
    """Neither when it knows no version nor when it knows an old one; who holds the item is told the version."""
    await make(store, project, ana, "one")
    held = (await claimed(store, project, ana, 1)).item
    stale = ItemUpdate(1, title="x", expected_version=1)
    calls: list[tuple[str, Awaitable[object]]] = [
        ("ITEM_CLAIMED", store.claim_item(project, bob, 1)),
        ("ITEM_CLAIMED", store.update_items(project, [ItemUpdate(1, title="x")], bob)),
        ("ITEM_CLAIMED", store.delete_items(project, [1], bob)),
        ("VERSION_CONFLICT", store.update_items(project, [stale], bob)),
    ]
    for code, call in calls:
        text = str(await refused(code, call))
        assert "expected_version" not in text
        assert f"version {held.version}" not in text
        assert "call claim_work_item() for another" in text
    error = await refused("VERSION_CONFLICT", store.update_items(project, [stale], ana))
    assert f"expected_version={held.version}" in str(error)


async def test_a_repeated_claim_gives_the_same_item(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """A retry of a claim whose answer was lost takes no second item, and renews the first."""
    await make(store, project, ana, "one", "two", "three")
    first = await store.claim_item(project, ana, request_id="r")
    clock.advance(60)
    again = await store.claim_item(project, ana, request_id="r")
    assert first is not None
    assert again is not None
    assert (first.item.id, again.item.id, again.held_since) == (1, 1, None)
    assert again.item.claim_expires_at == first.item.claim_expires_at + timedelta(minutes=1)  # type: ignore[operator]
    assert await ids(store, project, "mine", actor="ana") == [1]
    await refused("ITEM_INVALID", store.claim_item(project, bob, request_id="r"))
    await refused("ITEM_INVALID", store.claim_item(project, ana, label="x", request_id="r"))
    await refused("ITEM_INVALID", store.create_items(project, [NewItem("x")], ana, "r"))
    await refused("ITEM_INVALID", store.claim_item(project, ana, request_id=" "))
    clock.advance(60 * 61)
    await store.claim_item(project, bob, 1)
    await refused("ITEM_CLAIMED", store.claim_item(project, ana, request_id="r"))


async def test_a_claim_that_found_nothing_can_be_repeated(store: Store, project: Project, ana: Actor) -> None:
    """Once something is ready, the same request takes it."""
    assert await store.claim_item(project, ana, request_id="r") is None
    await make(store, project, ana, "one")
    assert await store.claim_item(project, ana, request_id="r") is not None


async def test_what_is_assigned_to_another_is_not_handed_out(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Without an id one gets what is nobody's or one's own; by its id, or when a claim ran out, whatever is ready."""
    plan = [NewItem("bob's", priority=0, assignee="bob"), NewItem("anybody's")]
    await store.create_items(project, plan, ana)
    got = await store.claim_item(project, ana)
    assert got is not None
    assert got.item.id == 2
    assert await store.claim_item(project, ana) is None
    own = await store.claim_item(project, bob)
    assert own is not None
    assert own.item.id == 1
    await store.update_items(project, [ItemUpdate(1, status="pending", assignee="bob")], bob)
    assert (await store.claim_item(project, ana, 1)) is not None
    clock.advance(60 * 61)
    assert {(await store.claim_item(project, bob)).item.id for _ in range(2)} == {1, 2}  # type: ignore[union-attr]
