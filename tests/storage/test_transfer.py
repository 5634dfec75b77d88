"""Export and import."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.storage.support import DataPlace, check_invariants, data_of, ids, item, make, refused
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project


async def exported(store: Store, project: Project) -> list[dict[str, Any]]:
    """The project's records, once through JSON."""
    return [json.loads(json.dumps(record)) async for record in store.export(project)]


async def filled(store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock) -> None:
    """A project with something of everything."""
    plan = [
        NewItem("epic", ref="e", item_type="epic"),
        NewItem("a", parent="e", ref="a", labels=("x", "ü"), acceptance=("it is", "tested")),
    ]
    await store.create_items(project, [*plan, NewItem("b", parent="e", depends_on=("a",)), NewItem("gone")], ana)
    clock.advance(60 * 1)
    await store.update_items(
        project, [ItemUpdate(2, status="completed", note="line\nline", met=(2,), evidence=("x",))], bob
    )
    await store.claim_item(project, bob, 3)
    await store.link_items(project, 4, 1, "discovered_from", ana)
    await store.delete_items(project, [4], ana)


async def test_a_round_trip_loses_nothing(
    *, store: Store, place: DataPlace, project: Project, other: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Into an empty project: the same records, but for its name."""
    await filled(store, project, ana, bob, clock)
    records = await exported(store, project)
    result = await store.import_items(other, records, ana)
    assert (result.items, result.renumbered) == (4, {})
    again = await exported(store, other)
    assert again[1:] == records[1:]
    assert {record["kind"] for record in records} == {"project", "item", "link", "note", "event", "end"}
    check_invariants(data_of(place, other))
    assert await make(store, other, ana, "next") == [5]
    await refused("ITEM_DELETED", store.get_item(other, 4))


async def test_ids_that_are_taken_are_replaced_everywhere(
    *, store: Store, place: DataPlace, project: Project, other: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """In parents, links, notes, events and what was hidden; what was there stays as it was."""
    await filled(store, project, ana, bob, clock)
    await make(store, other, ana, "here", "before")
    result = await store.import_items(other, await exported(store, project), ana)
    assert result.renumbered == {1: 5, 2: 6}
    assert (await item(store, other, 1)).title == "here"
    assert (await item(store, other, 3)).parent == 5
    detail = await store.get_item(other, 3)
    assert [(link.item.id, link.kind) for link in detail.links] == [(6, "blocks")]
    created = (await store.get_item(other, 6)).events[0]
    assert created.changes["parent"] == [None, 5]
    assert [note.text for note in (await store.get_item(other, 6)).notes] == ["line\nline"]
    assert await ids(store, other, text="epic") == [5]
    check_invariants(data_of(place, other))


async def test_an_export_is_of_one_moment(store: Store, project: Project, ana: Actor) -> None:
    """What is created while it runs is not in it."""
    await store.create_items(project, [NewItem(str(n)) for n in range(100)], ana)
    seen = 0
    async for record in store.export(project):
        if record["kind"] == "project":
            await make(store, project, ana, "later")
        seen += record["kind"] == "item"
    assert seen == 100


@pytest.mark.parametrize(
    "spoil",
    [
        lambda records: records[1].pop("title"),
        lambda records: records[1].update(title=""),
        lambda records: records[1].update(status="completed"),
        lambda records: records[1].update(id="one"),
        lambda records: records[1].update(created_at="yesterday"),
        lambda records: records[1].update(parent=3),
        lambda records: records[1].update(parent=99),
        lambda records: records[1].update(kind="thing"),
        lambda records: records.append(records[1]),
        lambda records: records.append({"kind": "link", "source": 1, "target": 99, "link": "blocks"}),
        lambda records: records.append({"kind": "link", "source": 3, "target": 2, "link": "blocks"}),
        lambda records: records.append("text"),
        lambda records: records[0].update(format=1),
    ],
)
async def test_records_that_are_spoilt_import_nothing(
    *, store: Store, project: Project, other: Project, ana: Actor, bob: Actor, clock: FakeClock, spoil: Any
) -> None:
    """All or nothing, and the error says which."""
    await filled(store, project, ana, bob, clock)
    records = await exported(store, project)
    spoil(records)
    await refused("IMPORT_INVALID", store.import_items(other, records, ana))
    assert await ids(store, other) == []
