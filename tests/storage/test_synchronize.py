"""Items of other programs in the store: what comes anew, and what a second import changes and keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.support import DataPlace, check_invariants, data_of, ids, item, make, open_store, raw, refused
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.transfer.synchronizing import Synchronization
from workflow_mcp.work.importers.checking import checked
from workflow_mcp.work.importers.merging import merge
from workflow_mcp.work.importers.values import Place, Relation, SourceItem, SourceItems, SourceLink, SourceNote
from workflow_mcp.work.results import Arrival
from workflow_mcp.work.values import FINISHED, Actor, Criterion, ItemUpdate, Project

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)


def there(name: str, *blockers: str, parent: str | None = None, **fields: Any) -> SourceItem:
    """An item of another program that waits for `blockers`."""
    plain = SourceItem(
        external_ref=f"beads:{name}",
        place=Place("issues.jsonl", 1),
        title=name,
        description="",
        item_type="task",
        status="pending",
        priority=2,
        assignee=None,
        acceptance=(),
        labels=(),
        parent=f"beads:{parent}" if parent else None,
        links=tuple(SourceLink("blocked_by", f"beads:{one}") for one in blockers),
        notes=(),
        created_at=AT,
        updated_at=AT,
        completed_at=AT if fields.get("status") in FINISHED else None,
        created_by="beads",
    )
    return replace(plain, **fields)


def linked(relation: Relation, other: str) -> tuple[SourceLink, ...]:
    """A single link."""
    return (SourceLink(relation, f"beads:{other}"),)


async def imported(store: Store, project: Project, *items: SourceItem) -> tuple[Arrival, ...]:
    """What came of an import, which was foreseen but for numbers and for what cannot be here."""
    ready = checked(SourceItems(items)).items
    foreseen = await store.foresee(project, ready)
    arrivals = await store.synchronize(project, ready, Actor("importer", "/home/ana/work"))
    if not any(one.kept for one in arrivals):
        assert [(one.outcome, one.changed) for one in foreseen] == [(one.outcome, one.changed) for one in arrivals]
    return arrivals


def brief(arrivals: Sequence[Arrival]) -> list[tuple[Any, ...]]:
    """Each arrival as outcome, number, changed fields and kept ones."""
    return [(one.outcome, one.id, *sorted(one.changed), *sorted(one.kept)) for one in arrivals]


async def links_of(store: Store, project: Project, item_id: int) -> list[tuple[str, bool, int]]:
    """An item's links: kind, whether it goes out, to which."""
    detail = await store.get_item(project, item_id)
    return [(link.kind, link.outgoing, link.item.id) for link in detail.links]


PLAN = (
    there("top", item_type="epic"),
    there("one", parent="top", labels=("ui",), notes=(SourceNote(AT, "ben", "hm"),), assignee="ana"),
    there("two", "one", parent="top", acceptance=(Criterion("works", met=True),), description="text"),
    there("done", status="completed", links=linked("relates_to", "one")),
)


async def test_what_comes_anew(store: Store, project: Project, ana: Actor, place: DataPlace) -> None:
    """Hierarchy, dependencies, links, notes, criteria, labels, people and times; beside what was there."""
    await make(store, project, ana, "here before")
    assert brief(await imported(store, project, *PLAN)) == [("new", 2), ("new", 3), ("new", 4), ("new", 5)]
    two = await item(store, project, 4)
    assert (two.parent, two.state, two.acceptance, two.external_ref) == (2, "blocked", PLAN[2].acceptance, "beads:two")
    assert (two.created_at, two.created_by) == (AT, "beads")
    one = await store.get_item(project, 3)
    assert [(note.author, note.at, note.text) for note in one.notes] == [("ben", AT, "hm")]
    assert (one.item.labels, one.item.assignee) == (("ui",), "ana")
    assert sorted(await links_of(store, project, 3)) == [("blocks", True, 4), ("relates_to", False, 5)]
    assert (await item(store, project, 5)).completed_at == AT
    assert one.events[0].changes == {"external_ref": [None, "beads:one"]}
    check_invariants(data_of(place, project))


async def test_what_did_not_change_stays(store: Store, project: Project, ana: Actor) -> None:
    """The same import again changes nothing, however often; what changed here alone is kept without a word."""
    await imported(store, project, *PLAN)
    await store.update_items(project, [ItemUpdate(2, title="mine", status="completed", add_labels=("own",))], ana)
    before = [record async for record in store.export(project)]
    for _ in range(2):
        assert {one.outcome for one in await imported(store, project, *PLAN)} == {"unchanged"}
    assert [record async for record in store.export(project)] == before


async def test_what_changed_there_is_taken_over(store: Store, project: Project, ana: Actor, place: DataPlace) -> None:
    """Each field; what it makes ready is ready; what was added here to labels and links stays."""
    await imported(store, project, *PLAN)
    [own] = await make(store, project, ana, "own")
    await store.link_items(project, own, 3, "blocks", ana)
    await store.update_items(project, [ItemUpdate(2, add_labels=("own",)), ItemUpdate(4, add_labels=("own",))], ana)
    again = (
        there("top", item_type="epic", priority=0, description="more"),
        there("one", status="completed", labels=("api",), notes=(*PLAN[1].notes, SourceNote(AT, "cy", "!"))),
        there("two", parent="one", acceptance=(Criterion("works", met=True), Criterion("fast"))),
        there("done", status="pending", links=linked("relates_to", "two")),
    )
    arrivals = await imported(store, project, *again)
    assert brief(arrivals) == [
        ("updated", 1, "description", "priority"),
        ("updated", 2, "assignee", "labels", "notes", "parent", "status"),
        ("updated", 3, "acceptance", "description", "links", "parent"),
        ("updated", 4, "links", "status"),
    ]
    one = await store.get_item(project, 2)
    assert (one.item.state, one.item.parent, one.item.assignee) == ("completed", None, None)
    assert one.item.labels == ("api", "own")
    assert [note.text for note in one.notes] == ["hm", "!"]
    two = await item(store, project, 3)
    assert (two.state, two.parent, two.description, len(two.acceptance)) == ("blocked", 2, "", 2)
    assert await links_of(store, project, 4) == [("relates_to", True, 3)]
    assert (await item(store, project, 4)).labels == ("own",)
    assert await ids(store, project, text="more") == [1]
    check_invariants(data_of(place, project))
    assert {one.outcome for one in await imported(store, project, *again)} == {"unchanged"}


async def test_what_changed_on_both_sides_is_kept_and_named(store: Store, project: Project, ana: Actor) -> None:
    """Once: the next import has nothing new to say. What became the same on both sides is no conflict."""
    await imported(store, project, *PLAN)
    await store.claim_item(project, ana, 2)
    await store.update_items(project, [ItemUpdate(3, title="same", description="mine")], ana)
    one, two = (
        replace(PLAN[1], status="completed", completed_at=AT),
        replace(PLAN[2], title="same", description="theirs"),
    )
    arrivals = await imported(store, project, PLAN[0], one, two)
    assert brief(arrivals)[1:] == [("unchanged", 2, "status"), ("unchanged", 3, "description")]
    assert (await item(store, project, 2)).status == "in_progress"
    assert (await item(store, project, 3)).description == "mine"
    assert brief(await imported(store, project, PLAN[0], one, two))[1:] == [("unchanged", 2), ("unchanged", 3)]


async def test_what_was_deleted_here_stays_deleted(
    store: Store, project: Project, ana: Actor, place: DataPlace
) -> None:
    """It is said, and what comes below it or waits for it comes without."""
    await imported(store, project, *PLAN)
    await store.delete_items(project, [1], ana, confirm=True)
    arrivals = await imported(store, project, *PLAN, there("three", "one", parent="top"))
    assert [one.outcome for one in arrivals] == ["deleted", "deleted", "deleted", "unchanged", "new"]
    assert [sorted(one.kept) for one in arrivals if one.outcome == "new"] == [["links", "parent"]]
    assert "was deleted" in arrivals[-1].kept["parent"]
    three = await item(store, project, 5)
    assert (three.parent, three.state) == (None, "ready")
    await store.delete_items(project, [1], ana, restore=True)
    arrivals = await imported(store, project, *PLAN, there("three", "one", parent="top"))
    assert brief(arrivals)[-1] == ("updated", 5, "links", "parent")
    check_invariants(data_of(place, project))


async def test_relatives_that_come_later(store: Store, project: Project, place: DataPlace) -> None:
    """What relates an item to one that is not there is said, and is made up for when that one comes."""
    [one] = await imported(store, project, there("two", "one", parent="top"))
    assert one.missing == ("beads:top", "beads:one")
    assert len(one.losses) == 2
    arrivals = await imported(store, project, *PLAN)
    assert sorted(brief(arrivals)) == [
        ("new", 2), ("new", 3), ("new", 4), ("updated", 1, "acceptance", "description", "links", "parent"),
    ]  # fmt: skip
    assert (await item(store, project, 1)).state == "blocked"
    [part] = await imported(store, project, PLAN[2])
    assert (part.outcome, part.missing) == ("unchanged", ())
    check_invariants(data_of(place, project))


async def test_what_is_no_longer_related_to_what_is_not_imported(store: Store, project: Project) -> None:
    """An import of some items removes what related one of them to another that does not come this time."""
    await imported(store, project, there("a", "b"), there("b"))
    [arrival] = await imported(store, project, there("a"))
    assert arrival.changed == ("links",)
    assert await links_of(store, project, 1) == []


async def test_what_cannot_be_here_is_kept_and_tried_again(store: Store, project: Project, ana: Actor) -> None:
    """A parent or dependency that would close a circle with what was changed here, or more labels than there may be."""
    await imported(store, project, there("a"), there("b"), there("c"))
    await store.link_items(project, 2, 1, "blocks", ana)
    many = tuple(f"own{n}" for n in range(20))
    await store.update_items(project, [ItemUpdate(3, labels=many, parent=2)], ana)
    again = (there("a"), there("b", "a", parent="c"), there("c", labels=("theirs",)))
    for _ in range(2):
        arrivals = {one.id: one for one in await imported(store, project, *again)}
        assert arrivals[2].kept.keys() == {"parent", "links"}
        assert "wait for each other" in arrivals[2].kept["links"]
        assert arrivals[3].kept.keys() == {"labels"}
    await store.link_items(project, 2, 1, "blocks", ana, remove=True)
    await store.update_items(project, [ItemUpdate(3, labels=(), parent=None)], ana)
    changed = {one.id: one.changed for one in await imported(store, project, *again)}
    assert changed == {1: (), 2: ("parent", "links"), 3: ("labels",)}


async def test_a_claim_that_was_given_up_there(store: Store, project: Project, ana: Actor) -> None:
    """Who was told to work on it and claimed it here loses it when it is given to somebody else there."""
    await imported(store, project, there("a", status="in_progress", assignee="ana"))
    await store.update_items(project, [ItemUpdate(1, status="in_progress")], ana)
    [arrival] = await imported(store, project, there("a", status="in_progress", assignee="ben"))
    assert arrival.changed == ("assignee",)
    found = await item(store, project, 1)
    assert (found.assignee, found.claim_expires_at) == ("ben", None)


async def test_two_imports_at_once_are_one_set(place: DataPlace, project: Project) -> None:
    """Of two processes the one waits for its turn with an error, and nothing is there twice."""
    async with open_store(place) as one, open_store(place) as two:
        await one.ensure(project)
        results = await asyncio.gather(
            *(store.synchronize(project, checked(SourceItems(PLAN)).items, Actor("x", "/")) for store in (one, two)),
            return_exceptions=True,
        )
        refusals = [str(result) for result in results if isinstance(result, BaseException)]
        assert all(text.startswith("IMPORT_RUNNING: ") for text in refusals)
        assert len(refusals) < 2
        assert await ids(two, project) == [1, 2, 3, 4]
        assert {one.outcome for one in await imported(two, project, *PLAN)} == {"unchanged"}
    check_invariants(data_of(place, project))


async def test_an_import_that_fails_leaves_nothing(
    store: Store, project: Project, place: DataPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had stored is not there, and the next import stores it once."""

    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    many = checked(SourceItems(tuple(there(str(n), notes=PLAN[1].notes) for n in range(300)))).items
    with monkeypatch.context() as broken:
        broken.setattr(Synchronization, "finish", fail)
        with pytest.raises(RuntimeError, match="out of luck"):
            await store.synchronize(project, many, Actor("x", "/"))
    for table in ("items", "origins", "notes", "events"):
        assert raw(data_of(place, project), f"SELECT count(*) FROM {table}") == [(0,)]
    assert len(await store.synchronize(project, many, Actor("x", "/"))) == 300
    assert len(await ids(store, project)) == 300
    check_invariants(data_of(place, project))


async def test_exports_keep_where_items_come_from(store: Store, project: Project, other: Project, ana: Actor) -> None:
    """An import after a round trip updates instead of adding; a name that is taken stays with who has it."""
    await imported(store, project, *PLAN)
    records = [json.loads(json.dumps(record)) async for record in store.export(project)]
    assert (await store.import_items(other, records, ana)).unnamed == ()
    again = (*PLAN[:3], replace(PLAN[3], title="changed"))
    assert brief(await imported(store, other, *again))[-1] == ("updated", 4, "title")
    records[1]["title"] = "another file"
    assert (await store.import_items(other, records, ana)).unnamed == (5, 6, 7, 8)
    assert (await item(store, other, 5)).external_ref is None
    records[2]["origin"] = records[1]["origin"]
    error = await refused("IMPORT_INVALID", store.import_items(other, records, ana))
    assert "line 3: an item before it has the external_ref 'beads:top' too" in error.message


TEXT = st.sampled_from("abc")


@settings(deadline=None)
@given(base=TEXT, far=TEXT, near=TEXT, sets=st.tuples(*[st.frozensets(TEXT)] * 3))
def test_three_ways(base: str, far: str, near: str, sets: tuple[frozenset[str], ...]) -> None:
    """A value is taken over when only the other side changed it; of sets, each element for itself."""
    names = ("title", "description", "item_type", "status", "priority", "assignee", "parent", "acceptance")

    def snapshot(value: str, labels: frozenset[str]) -> dict[str, Any]:
        return {**dict.fromkeys(names, value), "labels": sorted(labels), "links": [], "notes": []}

    found = merge(*(snapshot(*one) for one in zip((base, far, near), sets, strict=True)))
    expected = "taken" if far != base == near else "kept" if base not in (far, near) and far != near else "neither"
    assert (found.taken, found.kept) == {"taken": (names, ()), "kept": ((), names), "neither": ((), ())}[expected]
    was, theirs, ours = sets
    merged = (ours | {*found.added["labels"]}) - {*found.removed["labels"]}
    assert merged == (ours | (theirs - was)) - (was - theirs)
