"""Items of other programs as transfer records, those that `export` writes and `import` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from workflow_mcp.work.importers.values import SourceItem, SourceLink, SourceNote
from workflow_mcp.work.records import ItemRecord, LinkRecord, NoteRecord, Record
from workflow_mcp.work.transfer import Outline


def records_of(items: Sequence[SourceItem], ids: Mapping[str, int]) -> Iterator[Record]:
    """The records of items, each with its notes, and at the end the links between them.

    Args:
        items: parents before their children.
        ids: the id of each of these items by its `external_ref`; relatives without one are left out.
    """
    for item in items:
        yield item_record(item, ids)
        yield from (note_record(note, ids[item.external_ref]) for note in item.notes)
    yield from _links(items, ids)


def _links(items: Sequence[SourceItem], ids: Mapping[str, int]) -> Iterator[LinkRecord]:
    given: set[tuple[str, int, int]] = set()
    for record in (link_record(item, link, ids) for item in items for link in item.links if link.other in ids):
        if (key := (record.link, *record.ends)) not in given:
            given.add(key)
            yield record


def outline_of(records: Sequence[Record]) -> Outline:
    """What these records say together; they were made here and need no check."""
    outline = Outline()
    for record in records:
        if isinstance(record, ItemRecord):
            outline.add_item(record)
        elif isinstance(record, LinkRecord) and record.link == "blocks":
            outline.add_blocker(record)
    return outline


def item_record(item: SourceItem, ids: Mapping[str, int]) -> ItemRecord:
    """The record of an item."""
    same = ("title", "description", "item_type", "status", "priority", "assignee", "created_by")
    times = ("created_at", "updated_at", "completed_at")
    return ItemRecord.model_validate(
        {
            "kind": "item",
            "id": ids[item.external_ref],
            **{name: getattr(item, name) for name in same},
            **{name: _iso(getattr(item, name)) for name in times},
            "claim_expires_at": None,
            "lease_seconds": None,
            "hidden_by": 0,
            "acceptance": [asdict(one) for one in item.acceptance],
            "labels": list(item.labels),
            "parent": ids.get(item.parent or ""),
            "version": 1,
        }
    )


def note_record(note: SourceNote, item_id: int) -> NoteRecord:
    """The record of a note."""
    fields = {"kind": "note", "item": item_id, "at": _iso(note.at), "author": note.author, "text": note.text}
    return NoteRecord.model_validate(fields)


def link_record(item: SourceItem, link: SourceLink, ids: Mapping[str, int]) -> LinkRecord:
    """The record of a link."""
    source, target, kind = ends_of(ids[item.external_ref], link.relation, ids[link.other])
    return LinkRecord(kind="link", source=source, target=target, link=kind)


def ends_of(item_id: int, relation: str, other: int) -> tuple[int, int, str]:
    """From which item to which, and of which kind, a link is stored."""
    return (other, item_id, "blocks") if relation == "blocked_by" else (item_id, other, relation)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
