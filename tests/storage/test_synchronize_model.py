"""Imports over random changes on both sides: what the store counts stays true, and what only one side says holds."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.support import Data, DataPlace, check_invariants, data_of, emptied, open_store
from tests.storage.test_synchronize import there
from workflow_mcp.errors import WorkItemError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.importers.checking import checked
from workflow_mcp.work.importers.errors import SourceError
from workflow_mcp.work.importers.merging import snapshot_of
from workflow_mcp.work.importers.values import SourceItem, SourceItems
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, Project

PROJECT = Project("11111111-1111-4111-8111-111111111111", "one")
ANA, IMPORTER = Actor("ana", "/home/ana"), Actor("importer", "/home/ana")
NAMES = ("a", "b", "c", "d", "e")
NAME = st.sampled_from(NAMES)


@st.composite
def sides(draw: st.DrawFn) -> tuple[SourceItem, ...]:
    """Some items as they are there, which may be related to absent ones."""
    return tuple(
        there(
            name,
            *draw(st.sets(NAME, max_size=2)),
            parent=draw(st.none() | NAME),
            status=draw(st.sampled_from(["pending", "in_progress", "completed", "cancelled"])),
            labels=tuple(sorted(draw(st.sets(NAME, max_size=2)))),
        )
        for name in draw(st.sets(NAME, min_size=1))
    )


ACTS = st.one_of(
    st.tuples(st.just("status"), st.integers(1, 5), st.sampled_from(["pending", "in_progress", "completed"])),
    st.tuples(st.just("parent"), st.integers(1, 5), st.none() | st.integers(1, 5)),
    st.tuples(st.just("link"), st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.just("delete"), st.integers(1, 5), st.none()),
    st.tuples(st.just("restore"), st.integers(1, 5), st.none()),
)


async def act(store: Store, kind: str, one: int, value: object) -> None:
    """A change here; one that is refused is none."""
    try:
        match kind, value:
            case "status", str():
                await store.update_items(PROJECT, [ItemUpdate(one, status=value)], ANA)
            case "parent", int() | None:
                await store.update_items(PROJECT, [ItemUpdate(one, parent=value)], ANA)
            case "link", int():
                await store.link_items(PROJECT, one, value, "blocks", ANA)
            case _:
                await store.delete_items(PROJECT, [one], ANA, restore=kind == "restore", confirm=True)
    except WorkItemError:
        pass


def acceptable(items: tuple[SourceItem, ...]) -> tuple[SourceItem, ...]:
    """The items, checked; none where they are a circle."""
    try:
        return checked(SourceItems(items)).items
    except SourceError:
        return ()


Steps = list[tuple[tuple[SourceItem, ...], list[tuple[str, int, object]]]]


async def check_import(store: Store, data: Data, items: tuple[SourceItem, ...]) -> bool:
    """Import, and again: whether all of it could be taken over."""
    arrivals = await store.synchronize(PROJECT, items, IMPORTER)
    check_invariants(data)
    again = await store.synchronize(PROJECT, items, IMPORTER)
    assert [one.changed for one in again] == [()] * len(items)
    check_invariants(data)
    return not any(one.kept or one.outcome == "deleted" for one in arrivals)


async def run(place: DataPlace, steps: Steps) -> None:
    """Import, change something here, import another state, and so on."""
    with emptied(place) as empty:
        async with open_store(empty) as store:
            data, acted = data_of(empty, PROJECT), False
            for given_items, acts in steps:
                items = acceptable(given_items)
                whole = await check_import(store, data, items) if items else False
                if whole and not acted:
                    await check_same(store, items)
                for kind, one, value in acts:
                    acted = True
                    await act(store, kind, one, value)


async def check_same(store: Store, items: tuple[SourceItem, ...]) -> None:
    """Each item is here what it is there."""
    found = (await store.list_whole_items(PROJECT, ItemQuery("all", limit=200))).items
    names = {one.id: one.external_ref for one in found}
    by_name = {one.external_ref: one for one in found if one.external_ref}
    for item in items:
        here = by_name[item.external_ref]
        said = snapshot_of(item, by_name.keys())
        assert (here.title, here.status, names.get(here.parent or 0)) == (item.title, item.status, said["parent"])
        links = (await store.get_item(PROJECT, here.id)).links
        blockers = sorted(["blocked_by", names[link.item.id]] for link in links if not link.outgoing)
        assert blockers == said["links"]


STEPS = st.lists(st.tuples(sides(), st.lists(ACTS, max_size=4)), min_size=2, max_size=4)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_imports_and_changes(place: DataPlace, steps: Steps) -> None:
    """However items move, wait and end on both sides."""
    asyncio.run(run(place, steps))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_many_imports_and_changes(place: DataPlace, steps: Steps) -> None:
    """The same, often."""
    asyncio.run(run(place, steps))
