"""What is ready: items wait for their blockers, their children, and what blocks those above them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.support import (
    DataPlace,
    check_invariants,
    data_of,
    file_of,
    ids,
    make,
    open_store,
    raw,
    refused,
)
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project

EPIC, FEATURE, TASK, DESIGN = 1, 2, 3, 4
PLAN = [
    NewItem("epic", ref="epic", depends_on=("design",)),
    NewItem("feature", ref="feature", parent="epic"),
    NewItem("task", parent="feature"),
    NewItem("design", ref="design"),
]


@pytest.fixture
async def planned(store: Store, project: Project, ana: Actor) -> Store:
    """A store with a task two levels below an epic that waits for a design."""
    await store.create_items(project, PLAN, ana)
    return store


async def test_an_item_waits_for_what_blocks_those_above_it(planned: Store, project: Project, ana: Actor) -> None:
    """In lists, counts and claims, at any level; who finishes the blocker hears what became ready."""
    assert await ids(planned, project, "ready") == [DESIGN]
    await refused("ITEM_NOT_READY", planned.claim_item(project, ana, TASK))
    start = planned.update_items(project, [ItemUpdate(TASK, status="in_progress")], ana)
    assert "#1 above it waits for #4" in str(await refused("ITEM_NOT_READY", start))
    finished = await planned.update_items(project, [ItemUpdate(DESIGN, status="completed")], ana)
    assert [one.id for one in finished.became_ready] == [TASK]
    reopened = await planned.update_items(project, [ItemUpdate(DESIGN, status="pending")], ana)
    assert [one.id for one in reopened.became_ready] == [DESIGN]
    assert await ids(planned, project, "ready") == [DESIGN]


async def test_what_comes_and_goes(planned: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """New items, links, moves, deletions and restorations change what those below wait for."""
    (new,) = (await planned.create_items(project, [NewItem("new", parent=FEATURE)], ana)).items
    assert new.state == "blocked"
    removed = await planned.link_items(project, DESIGN, EPIC, "blocks", ana, remove=True)
    assert [one.id for one in removed.became_ready] == [TASK, new.id]
    await planned.link_items(project, DESIGN, FEATURE, "blocks", ana)
    assert await ids(planned, project, "ready") == [DESIGN]
    moved = await planned.update_items(project, [ItemUpdate(TASK, parent=EPIC)], ana)
    assert [one.state for one in moved.items] == ["ready"]
    gone = await planned.delete_items(project, [DESIGN], ana)
    assert [one.id for one in gone.became_ready] == [new.id]
    await planned.delete_items(project, [DESIGN], ana, restore=True)
    assert await ids(planned, project, "ready") == [TASK, DESIGN]
    check_invariants(data_of(place, project))


async def test_a_part_of_an_item_is_not_waited_for_by_its_other_parts(
    store: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """An epic that depends on its own children says nothing about their order, until one of them leaves it."""
    plan = [NewItem("epic", ref="epic", depends_on=("a", "b")), NewItem("a", ref="a", parent="epic")]
    await store.create_items(project, [*plan, NewItem("b", ref="b", parent="epic")], ana)
    assert await ids(store, project, "ready") == [2, 3]
    await store.update_items(project, [ItemUpdate(2, parent=None)], ana)
    assert await ids(store, project, "ready") == [2]
    await store.update_items(project, [ItemUpdate(2, parent=1)], ana)
    assert await ids(store, project, "ready") == [2, 3]
    check_invariants(data_of(place, project))


async def test_what_would_wait_for_itself_through_those_above_it(store: Store, project: Project, ana: Actor) -> None:
    """In a plan, by a link, and by a move into or out of an item: each is refused."""
    plan = [NewItem("epic", ref="epic", depends_on=("before",)), NewItem("part", ref="part", parent="epic")]
    await refused(
        "ITEM_CYCLE", store.create_items(project, [*plan, NewItem("b", ref="before", depends_on=("part",))], ana)
    )
    epic, part, before = await make(store, project, ana, "epic", "part", "before")
    await store.link_items(project, part, before, "blocks", ana)
    await store.update_items(project, [ItemUpdate(part, parent=epic)], ana)
    await refused("ITEM_CYCLE", store.link_items(project, before, epic, "blocks", ana))
    await store.update_items(project, [ItemUpdate(before, parent=epic)], ana)
    await store.link_items(project, before, epic, "blocks", ana)
    await refused("ITEM_CYCLE", store.update_items(project, [ItemUpdate(before, parent=None)], ana))


async def test_an_import_counts_what_blocks_those_above(
    planned: Store, place: DataPlace, project: Project, other: Project, ana: Actor
) -> None:
    """The copy is as ready as what it was copied from."""
    records = [record async for record in planned.export(project)]
    await planned.import_items(other, records, ana)
    assert await ids(planned, other, "ready") == [DESIGN]
    check_invariants(data_of(place, other))


async def test_projects_of_earlier_versions(tmp_path: Path, project: Project, ana: Actor) -> None:
    """What was counted without those above is counted anew when the file is upgraded."""
    async with open_store(tmp_path) as store:
        await store.create_items(project, PLAN, ana)
    path = file_of(tmp_path, project)
    raw(path, "UPDATE items SET waits = 0 WHERE id = ?", TASK)
    raw(path, "UPDATE items SET waits = 1 WHERE id = ?", FEATURE)
    raw(path, "DROP TABLE members")  # of a later version
    raw(path, "UPDATE alembic_version SET version_num = '0006'")
    async with open_store(tmp_path) as store:
        assert await ids(store, project, "ready") == [DESIGN]
    check_invariants(path)
