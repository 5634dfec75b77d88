"""The wire form of single work items."""

from __future__ import annotations

from dataclasses import asdict

from workflow_mcp.store import Event, Item, ItemDetail, Linked, ProjectRef
from workflow_mcp.tools.results import WorkItem, WorkItemDetail
from workflow_mcp.tools.rows import row

PASSIVE = {
    "blocks": "blocked by",
    "relates_to": "relates to",
    "duplicates": "duplicated by",
    "discovered_from": "led to",
}


def item_result(item: Item) -> WorkItem:
    """The wire form of an item."""
    return WorkItem.model_validate({**asdict(item), "labels": list(item.labels)})


def detail_result(project: ProjectRef, detail: ItemDetail) -> WorkItemDetail:
    """The wire form of all about an item."""
    return WorkItemDetail(
        project=project.name,
        item=item_result(detail.item),
        ancestors=[row(item) for item in detail.ancestors],
        children=[row(item) for item in detail.children],
        children_count=detail.children_count,
        links=[_link(link) for link in detail.links],
        notes=[f"{note.at:%Y-%m-%d %H:%M} {note.author}: {note.text}" for note in detail.notes],
        events=[_event(event) for event in detail.events],
        not_ready=list(detail.not_ready),
    )


def _link(link: Linked) -> str:
    return f"{link.kind.replace('_', ' ') if link.outgoing else PASSIVE[link.kind]} {row(link.item)}"


def _event(event: Event) -> str:
    changes = ", ".join(f"{name}: {_change(change)}" for name, change in event.changes.items())
    told = f"{event.at:%Y-%m-%d %H:%M} {event.actor} {event.action} ({event.directory})"
    return f"{told} {changes}" if changes else told


def _change(change: object) -> str:
    match change:
        case [old, new]:
            return f"{_short(old)} -> {_short(new)}"
        case _:
            return _short(change)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - a line stays a line
