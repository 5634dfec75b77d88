"""The wire form of single work items."""

from __future__ import annotations

from workflow_mcp.server.results import ClaimResult, WorkItem, WorkItemDetail
from workflow_mcp.server.rows import as_fits, count_fitting, counted, row
from workflow_mcp.work.errors import at
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import Event, Item, ItemDetail, ItemQuery, Linked
from workflow_mcp.workspace.work_items import WorkItems

LINES = 6_000  # bytes of children, and of links
NOTES = 16_000

PASSIVE = {
    "blocks": "blocked by",
    "relates_to": "relates to",
    "duplicates": "duplicated by",
    "discovered_from": "led to",
}


def item_result(item: Item) -> WorkItem:
    """The wire form of an item."""
    return WorkItem.model_validate(item, from_attributes=True)


async def claim_result(work: WorkItems, claim: Claim | None) -> ClaimResult:
    """The wire form of a claim; without one it says how many items there are of each state."""
    if claim is None:
        page = await work.list(ItemQuery(limit=1))
        return ClaimResult(
            project=work.data.project.name, item=None, message=f"Nothing is ready for this: {counted(page.counts)}."
        )
    return ClaimResult(project=work.data.project.name, item=item_result(claim.item), message=_claimed(work, claim))


def _claimed(work: WorkItems, claim: Claim) -> str:
    message = f"Yours as {work.actor.name}: {row(claim.item)}"
    if claim.held_since is None:
        return message
    return f"{message}. You already held it since {at(claim.held_since)}; if that was another agent, pass actor."


def detail_result(work: WorkItems, detail: ItemDetail) -> WorkItemDetail:
    """The wire form of all about an item."""
    return WorkItemDetail(
        project=work.data.project.name,
        item=item_result(detail.item),
        ancestors=[row(item) for item in detail.ancestors],
        children=as_fits([row(item) for item in detail.children], LINES),
        children_count=detail.children_count,
        links=as_fits([_link(link) for link in detail.links], LINES),
        notes=_last_count_fitting([f"{note.at:%Y-%m-%d %H:%M} {note.author}: {note.text}" for note in detail.notes]),
        events=[_event(event) for event in detail.events],
        not_ready=list(detail.not_ready),
    )


def _last_count_fitting(notes: list[str]) -> list[str]:
    fitting = max(count_fitting(reversed(notes), NOTES), 1)
    return notes if fitting >= len(notes) else ["… earlier notes are left out", *notes[-fitting:]]


def _link(link: Linked) -> str:
    return f"{link.kind.replace('_', ' ') if link.outgoing else PASSIVE[link.kind]} {row(link.item)}"


def _event(event: Event) -> str:
    changes = ", ".join(f"{name}: {_change(change)}" for name, change in event.changes.items())
    line = f"{event.at:%Y-%m-%d %H:%M} {event.actor} {event.action} ({event.directory})"
    return f"{line} {changes}" if changes else line


def _change(change: object) -> str:
    match change:
        case [None, new]:
            return _short(new)
        case [old, None]:
            return f"{_short(old)} -> nothing"
        case [old, new]:
            return f"{_short(old)} -> {_short(new)}"
        case _:
            return _short(change)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - a line stays a line
