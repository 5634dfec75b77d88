"""Acceptance criteria and evidence of items."""

from __future__ import annotations

import pytest

from tests.storage.support import item, make, refused
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Criterion, ItemUpdate, NewItem, Project


async def test_criteria_and_evidence_are_kept_and_told(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """From creation on; events tell the wording, which are met, and what was added."""
    made = (await store.create_items(project, [NewItem("x", acceptance=("a", "b"))], ana)).items[0]
    assert made == await item(store, project, 1)
    updates = [
        ItemUpdate(1, met=(2,), evidence=("commit 1a2b3c4",)),
        ItemUpdate(1, acceptance=("b", "c"), evidence=("http://x", "1a2b3c4")),
        ItemUpdate(1, acceptance=("b", "c"), met=(1,), evidence=("http://x",)),
    ]
    for update, actor in zip(updates, (ana, bob, ana), strict=True):
        told = (await store.update_items(project, [update], actor)).items[0]
        assert told == await item(store, project, 1)
    assert told.acceptance == (Criterion("b", met=True), Criterion("c"))
    assert told.evidence == ("commit: 1a2b3c4", "url: http://x")
    events = (await store.get_item(project, 1)).events
    assert [event.changes for event in events[1:]] == [
        {"met": [[], [2]], "evidence": [None, ["commit: 1a2b3c4"]]},
        {"acceptance": [["a", "b"], ["b", "c"]], "met": [[2], [1]], "evidence": [None, ["url: http://x"]]},
    ]
    assert events[0].changes["acceptance"] == [None, ["a", "b"]]


@pytest.mark.parametrize(
    "update",
    [
        ItemUpdate(1, acceptance=("",)),
        ItemUpdate(1, acceptance=("two\nlines",)),
        ItemUpdate(1, acceptance=("x", "x")),
        ItemUpdate(1, acceptance=tuple(map(str, range(21)))),
        ItemUpdate(1, evidence=("x" * 301,)),
        ItemUpdate(1, evidence=("\0",)),
        ItemUpdate(1, evidence=tuple(map(str, range(21)))),
        ItemUpdate(1, met=(1,)),
        ItemUpdate(1, acceptance=("x",), met=(1,), unmet=(1,)),
    ],
)
async def test_what_is_refused(store: Store, project: Project, ana: Actor, update: ItemUpdate) -> None:
    """Short texts of one line, each once, and numbers that there are."""
    await make(store, project, ana, "one")
    await refused("ITEM_INVALID", store.update_items(project, [update], ana))
