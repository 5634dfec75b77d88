"""The results about single work items, each within 20 kB of a message; what is cut says how to read the rest."""

from __future__ import annotations

import math

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
from workflow_mcp.server.whole_items import WorkItem, WorkItemDetail, as_object, numbered, whole
from workflow_mcp.work.changed_fields import changes_text
from workflow_mcp.work.details import Event, ItemDetail, Linked, Note
from workflow_mcp.work.lines import cut, row
from workflow_mcp.work.text import plain_or_quoted, visible
from workflow_mcp.work.values import Item
from workflow_mcp.workspace.work_items import WorkItems

MAX_EVENT_BYTES = 390
LINES_SHARE = 1 / 8  # of the available bytes, for each list but that of the notes

PASSIVE = {
    "blocks": "blocked by",
    "relates_to": "relates to",
    "duplicates": "duplicated by",
    "discovered_from": "led to",
}


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
    room = max_bytes - size_of(as_object(result))
    share = room * LINES_SHARE
    room -= add_entries(result.item, detail.item, share, start=entry)
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
        result.notes = [note_line(detail.item.id, one, room - MAX_HINT_BYTES, start=start) for one in detail.notes]
    result.item.description = cut_description(detail.item, room - size_of(result.notes), start=0 if note else start)
    return result


def _without_long_parts(work: WorkItems, detail: ItemDetail) -> WorkItemDetail:
    return WorkItemDetail(
        project=work.data.project.name,
        item=without_long_texts(detail.item),
        ancestors=[],
        children=[],
        children_count=detail.children_count,
        links=[],
        notes=[],
        events=[],
        not_ready=list(detail.not_ready),
        warning=work.data.note,
    )


def without_long_texts(item: Item) -> WorkItem:
    """The result for an item, without its description, criteria and evidence."""
    result = whole(item)
    result.description, result.acceptance, result.evidence = "", [], []
    return result


def add_entries(result: WorkItem, item: Item, share: float, *, start: int = 1) -> int:
    """Add criteria and evidence to a result without them; returns how many bytes they take."""
    read_on = f"get_work_item(id={item.id}, entry="
    result.acceptance = lines_from(numbered(item.acceptance), share, start=start, read_on=read_on)
    result.evidence = lines_from(list(item.evidence), share, start=start, read_on=read_on)
    return size_of(result.acceptance) + size_of(result.evidence)


def cut_description(item: Item, room: float, *, start: int = 0) -> str:
    """As much of an item's description as fits, beginning at `start`."""
    return fitting_text(item.description, room, start=start, read_on=f"get_work_item(id={item.id}, start=")


def _last_notes(detail: ItemDetail, room: float) -> list[str]:
    if not detail.notes:
        return []
    item_id, room = detail.item.id, room - MAX_HINT_BYTES
    lines = [note_line(item_id, note, math.inf, start=0) for note in detail.notes]
    kept = count_last(lines, room)
    lines = lines[-kept:] if kept else [note_line(item_id, detail.notes[-1], room, start=0)]
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


def note_line(item_id: int, note: Note, room: float, *, start: int = 0) -> str:
    """A note with its number, time and author, as much of it as fits, beginning at `start` of its text."""
    head = f"{note.number}. {note.at:%Y-%m-%d %H:%M} {visible(note.author)}: "
    read_on = f"get_work_item(id={item_id}, note={note.number}, start="
    return head + fitting_text(note.text, room - size_of(head), start=start, read_on=read_on)


def _link(link: Linked) -> str:
    return f"{link.kind.replace('_', ' ') if link.outgoing else PASSIVE[link.kind]} {row(link.item)}"


def _event(event: Event) -> str:
    line = f"{event.at:%Y-%m-%d %H:%M} {visible(event.actor)} {event.action} ({plain_or_quoted(event.directory)})"
    return f"{line} {changes_text(event.changes)}" if event.changes else line
