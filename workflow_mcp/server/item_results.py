"""The results about single work items, each within 20 kB of a message; what is cut says how to read the rest."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from workflow_mcp.server.fitting import (
    MAX_HINT_BYTES,
    MAX_TEXT_BYTES,
    count_last,
    first_lines,
    fitting_text,
    last_lines,
    lines_from,
    size_of,
)
from workflow_mcp.server.results import ClaimResult, WorkItem, WorkItemDetail
from workflow_mcp.work.details import Event, ItemDetail, Linked, Note
from workflow_mcp.work.errors import at
from workflow_mcp.work.lines import counted, cut, row
from workflow_mcp.work.results import Claim
from workflow_mcp.work.text import plain_or_quoted, visible
from workflow_mcp.work.values import Item, ItemQuery
from workflow_mcp.workspace.work_items import WorkItems

MAX_CLAIMED_DESCRIPTION_BYTES = 10_000
MAX_EVENT_BYTES = 390
LINES_SHARE = 1 / 8  # of the available bytes, for each list but that of the notes
MAX_SHOWN_VALUE = 60
MAX_LEFT = 20

PASSIVE = {
    "blocks": "blocked by",
    "relates_to": "relates to",
    "duplicates": "duplicated by",
    "discovered_from": "led to",
}


def item_result(item: Item) -> WorkItem:
    """The result for a whole item."""
    return WorkItem.model_validate(item, from_attributes=True)


async def claim_result(
    work: WorkItems, claim: Claim | None, *, item_id: int | None = None, waited: int = 0
) -> ClaimResult:
    """The result of a claim; when there was nothing to claim, it says why.

    Args:
        work: the work items.
        claim: the claim.
        item_id: the item that was to be claimed; None for any.
        waited: seconds that the call was ready to wait.
    """
    project = work.data.project.name
    left = await _left_by_earlier(work)
    if claim is None:
        message = await _nothing_ready(work, item_id) + _how_long(waited) + left
        return ClaimResult(project=project, item=None, message=_with_note(work, message))
    item = _without_long_texts(claim.item)
    message = _with_note(work, _claimed(work, claim) + (left and f".{left}"))
    result = ClaimResult(project=project, item=item, message=message)
    room = MAX_TEXT_BYTES - size_of(result.model_dump(mode="json"))
    room -= _add_entries(item, claim.item, room * LINES_SHARE)
    item.description = _description(claim.item, min(room, MAX_CLAIMED_DESCRIPTION_BYTES), start=0)
    return result


async def _nothing_ready(work: WorkItems, item_id: int | None) -> str:
    if item_id is not None:
        return f"#{item_id} is not ready: {'; '.join((await work.get(item_id)).not_ready)}."
    counts = (await work.list(ItemQuery(limit=1))).counts
    why = " What is ready has another type or label, or is assigned to somebody else." if counts.ready else ""
    return f"Nothing is ready for this: {counted(counts)}.{why}"


def _how_long(waited: int) -> str:
    return f" Waited {waited} s; the same call waits on." if waited else ""


async def _left_by_earlier(work: WorkItems) -> str:
    """What conversations hold that this one goes on with, as a sentence with a space before it."""
    if not work.actor.earlier:
        return ""
    page = await work.list(ItemQuery(view="mine", limit=MAX_LEFT))
    left = [item.id for item in page.items if item.assignee != work.actor.name]
    if not left:
        return ""
    ids = ", ".join(f"#{one}" for one in left)
    return f" Still held by the conversation before this one: {ids}. claim_work_item(id={left[0]}) goes on with it."


def _with_note(work: WorkItems, message: str) -> str:
    return message if work.data.note is None else f"{message} {work.data.note}"


def _claimed(work: WorkItems, claim: Claim) -> str:
    message = f"Yours as {work.actor.name}: {row(claim.item)}"
    if claim.held_since is None:
        return message
    return f"{message}. You already held it since {at(claim.held_since)}; if that was another agent, pass actor."


def detail_result(
    work: WorkItems,
    detail: ItemDetail,
    *,
    note: int | None = None,
    start: int = 0,
    entry: int = 1,
    max_bytes: float = MAX_TEXT_BYTES,
) -> WorkItemDetail:
    """The result for an item with its relatives, links, notes and events.

    Args:
        work: the work items that it belongs to.
        detail: the item, with its last notes or the requested one.
        note: the number of the requested note, which gets the bytes of the description.
        start: the index at which the requested note begins, or without one the description.
        entry: the number of the first criterion and piece of evidence that is shown.
        max_bytes: the maximum size in a message whose text is the result as JSON.
    """
    result = _without_long_parts(work, detail)
    room = max_bytes - size_of(result.model_dump(mode="json"))
    share = room * LINES_SHARE
    room -= _add_entries(result.item, detail.item, share, start=entry)
    result.ancestors = last_lines([row(one) for one in detail.ancestors], share)
    result.events = _last_events(detail, share)
    result.links = first_lines([_link(link) for link in detail.links], share, total=detail.links_count)
    below = f": list_work_items(parent={detail.item.id})"
    children = [row(child) for child in detail.children]
    result.children = first_lines(children, share, total=detail.children_count, read_on=below)
    room -= sum(size_of(lines) for lines in (result.ancestors, result.events, result.links, result.children))
    if note is None:
        result.notes = _last_notes(detail, room - min(size_of(detail.item.description), room / 2))
    else:
        result.notes = [_note(detail.item.id, one, room - MAX_HINT_BYTES, start=start) for one in detail.notes]
    result.item.description = _description(detail.item, room - size_of(result.notes), start=0 if note else start)
    return result


def _without_long_parts(work: WorkItems, detail: ItemDetail) -> WorkItemDetail:
    return WorkItemDetail(
        project=work.data.project.name,
        item=_without_long_texts(detail.item),
        ancestors=[],
        children=[],
        children_count=detail.children_count,
        links=[],
        notes=[],
        events=[],
        not_ready=list(detail.not_ready),
        warning=work.data.note,
    )


def _without_long_texts(item: Item) -> WorkItem:
    return item_result(replace(item, description="", acceptance=(), evidence=()))


def _add_entries(result: WorkItem, item: Item, share: float, *, start: int = 1) -> int:
    """Add criteria and evidence to a result without them; returns how many bytes they take."""
    whole, read_on = item_result(item), f"get_work_item(id={item.id}, entry="
    result.acceptance = lines_from(whole.acceptance, share, start=start, read_on=read_on)
    result.evidence = lines_from(whole.evidence, share, start=start, read_on=read_on)
    return size_of(result.acceptance) + size_of(result.evidence)


def _description(item: Item, room: float, *, start: int) -> str:
    return fitting_text(item.description, room, start=start, read_on=f"get_work_item(id={item.id}, start=")


def _last_notes(detail: ItemDetail, room: float) -> list[str]:
    if not detail.notes:
        return []
    item_id, room = detail.item.id, room - MAX_HINT_BYTES
    lines = [_note(item_id, note, math.inf, start=0) for note in detail.notes]
    kept = count_last(lines, room)
    lines = lines[-kept:] if kept else [_note(item_id, detail.notes[-1], room, start=0)]
    earlier = detail.notes[-len(lines)].number - 1
    if not earlier:
        return lines
    return [f"… notes 1 to {earlier} are left out: get_work_item(id={item_id}, before_note={earlier + 1})", *lines]


def _last_events(detail: ItemDetail, room: float) -> list[str]:
    lines = [cut(_event(event), MAX_EVENT_BYTES) for event in detail.events]
    kept = len(lines) if size_of(lines) <= room - MAX_HINT_BYTES else count_last(lines, room - MAX_HINT_BYTES)
    earlier = detail.events[-kept].number - 1 if kept else 0
    if not earlier:
        return lines
    read_on = f"get_work_item(id={detail.item.id}, before_event={earlier + 1})"
    return [f"… events 1 to {earlier} are left out: {read_on}", *lines[len(lines) - kept :]]


def _note(item_id: int, note: Note, room: float, *, start: int) -> str:
    head = f"{note.number}. {note.at:%Y-%m-%d %H:%M} {visible(note.author)}: "
    read_on = f"get_work_item(id={item_id}, note={note.number}, start="
    return head + fitting_text(note.text, room - size_of(head), start=start, read_on=read_on)


def _link(link: Linked) -> str:
    return f"{link.kind.replace('_', ' ') if link.outgoing else PASSIVE[link.kind]} {row(link.item)}"


def _event(event: Event) -> str:
    changes = ", ".join(f"{name}: {_change(_with_times(name, change))}" for name, change in event.changes.items())
    line = f"{event.at:%Y-%m-%d %H:%M} {visible(event.actor)} {event.action} ({plain_or_quoted(event.directory)})"
    return f"{line} {changes}" if changes else line


def _with_times(field: str, change: object) -> object:
    """A change, its times in the format of answers; events hold them as text."""
    if not field.endswith("_at") or not isinstance(change, list):
        return change
    return [_time_or_value(value) for value in change]


def _time_or_value(value: object) -> object:
    try:
        return at(datetime.fromisoformat(str(value)))
    except ValueError:
        return value  # imported events can have any text


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
    short = text if len(text) <= MAX_SHOWN_VALUE else f"{text[: MAX_SHOWN_VALUE - 1]}…"
    return plain_or_quoted(short) if isinstance(value, str) else short
