"""Completing what is not finished before and below, and cancelling what is below."""

from __future__ import annotations

import pytest

from tests.storage.support import DataPlace, check_invariants, data_of, ids, item, refused
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project

EPIC, CHILD, GRANDCHILD, AFTER = 1, 2, 3, 4
PLAN = [
    NewItem("epic", ref="epic"),
    NewItem("child", ref="child", parent="epic"),
    NewItem("grandchild", ref="grandchild", parent="child"),
    NewItem("after", depends_on=("grandchild",)),
]


@pytest.fixture
async def planned(store: Store, project: Project, ana: Actor) -> Store:
    """A store with a plan."""
    await store.create_items(project, PLAN, ana)
    return store


async def test_completing_what_waits_is_refused(planned: Store, project: Project, ana: Actor) -> None:
    """With the ids of what is unfinished, unless that is completed in the same call, or by force."""
    for one, named in ((EPIC, "below it, #2 are unfinished"), (AFTER, "it waits for #3")):
        error = await refused(
            "ITEM_UNFINISHED", planned.update_items(project, [ItemUpdate(one, status="completed")], ana)
        )
        assert named in str(error)
    forced = ItemUpdate(AFTER, status="completed", force=True)
    assert (await planned.update_items(project, [forced], ana)).items[0].status == "completed"
    all_of_it = [ItemUpdate(one, status="completed") for one in (EPIC, CHILD, GRANDCHILD)]
    assert [one.status for one in (await planned.update_items(project, all_of_it, ana)).items] == ["completed"] * 3


async def test_force_is_for_its_own_update(planned: Store, project: Project, ana: Actor) -> None:
    """Not for the others of the batch, and not for starting."""
    batch = [ItemUpdate(EPIC, status="completed", force=True), ItemUpdate(AFTER, status="completed")]
    assert "#4" in str(await refused("ITEM_UNFINISHED", planned.update_items(project, batch, ana)))
    start = [ItemUpdate(EPIC, status="in_progress", force=True)]
    await refused("ITEM_NOT_READY", planned.update_items(project, start, ana))


async def test_cancelling_cancels_what_is_unfinished_below(
    planned: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """At every level; the result and the history say how many, and what became ready."""
    result = await planned.update_items(project, [ItemUpdate(EPIC, status="cancelled")], ana)
    assert (result.below, [one.id for one in result.became_ready]) == (2, [AFTER])
    assert await ids(planned, project, "done") == [GRANDCHILD, CHILD, EPIC]
    assert (await planned.get_item(project, EPIC)).events[-1].changes["cancelled_below"] == [None, 2]
    event = (await planned.get_item(project, GRANDCHILD)).events[-1]
    assert (event.action, event.changes["with"], event.changes["status"]) == (
        "cancelled", EPIC, ["pending", "cancelled"],
    )  # fmt: skip
    again = await planned.update_items(project, [ItemUpdate(EPIC, status="pending")], ana)
    assert (again.below, (await item(planned, project, CHILD)).status) == (0, "cancelled")
    check_invariants(data_of(place, project))


async def test_what_others_have_claimed_below(planned: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """Is not cancelled without force, and then nothing is; one's own is."""
    await planned.claim_item(project, bob, GRANDCHILD)
    await refused("ITEM_CLAIMED", planned.update_items(project, [ItemUpdate(EPIC, status="cancelled")], ana))
    assert await ids(planned, project, "done") == []
    forced = await planned.update_items(project, [ItemUpdate(EPIC, status="cancelled", force=True)], ana)
    assert forced.below == 2
    cancelled = await item(planned, project, GRANDCHILD)
    assert (cancelled.status, cancelled.claim_expires_at) == ("cancelled", None)
    await planned.update_items(project, [ItemUpdate(one, status="pending") for one in (EPIC, GRANDCHILD)], ana)
    await planned.claim_item(project, ana, GRANDCHILD)
    assert (await planned.update_items(project, [ItemUpdate(EPIC, status="cancelled")], ana)).below == 1


async def test_what_is_named_as_well(planned: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """Is cancelled with its parent unless its own update finishes it, is told as it is then, and is counted once."""
    batch = [
        ItemUpdate(EPIC, status="cancelled"),
        ItemUpdate(CHILD, note="n"),
        ItemUpdate(GRANDCHILD, status="completed"),
    ]
    result = await planned.update_items(project, batch, ana)
    assert [one.status for one in result.items] == ["cancelled", "cancelled", "completed"]
    assert result.below == 0
    assert list(result.items) == [await item(planned, project, one.id) for one in result.items]
    check_invariants(data_of(place, project))
