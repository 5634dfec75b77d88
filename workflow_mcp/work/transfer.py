"""Reading and checking exported records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflow_mcp.errors import Code, WorkflowError, WorkItemError, shown
from workflow_mcp.work.graph import MAX_DEPTH, cycle_in
from workflow_mcp.work.validation import check_ids, check_kind, check_new, check_update
from workflow_mcp.work.values import FINISHED, ItemUpdate, NewItem

FORMAT = 1


@dataclass(slots=True)
class Records:
    """The rows that records describe, with the ids that they were exported with."""

    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    labels: dict[int, list[str]] = field(default_factory=dict)
    links: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


def read_records(records: Iterable[Mapping[str, Any]]) -> Records:
    """Read records, and check that they are complete and consistent.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming the record.
    """
    found = Records()
    for number, record in enumerate(records, start=1):
        try:
            _read(found, record)
        except WorkflowError as error:
            raise _invalid(f"record {number}: {error.message}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _invalid(f"record {number} is not as export writes it: {shown(error)}") from error
    _check_references(found)
    _check_graph(found)
    return found


def _read(found: Records, record: Mapping[str, Any]) -> None:
    match record["kind"]:
        case "project":
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']} instead of {FORMAT}")
        case "item":
            row = _item(record)
            if row["id"] in found.items:
                raise ValueError(f"item {row['id']} comes twice")
            found.items[row["id"]] = row
            found.labels[row["id"]] = [str(label) for label in record["labels"]]
        case "link":
            check_kind(record["link"])
            found.links.append({"source_id": record["source"], "target_id": record["target"], "kind": record["link"]})
        case "note":
            check_update(ItemUpdate(record["item"], note=record["text"]))
            fields = {name: str(record[name]) for name in ("author", "text")}
            found.notes.append({"item_id": record["item"], "at": _time(record["at"]), **fields})
        case "event":
            fields = {name: str(record[name]) for name in ("actor", "directory", "action")}
            changes = dict(record["changes"])
            found.events.append({"item_id": record["item"], "at": _time(record["at"]), **fields, "changes": changes})
        case kind:
            raise ValueError(f"kind {kind!r}")


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    check_ids([record["id"]])
    texts = {name: record[name] for name in ("title", "description", "item_type")}
    given = NewItem(**texts, priority=record["priority"], labels=tuple(record["labels"]), assignee=record["assignee"])
    check_new("item", given)
    check_update(ItemUpdate(record["id"], status=record["status"]))
    completed_at = _time_or_none(record["completed_at"])
    if (completed_at is not None) != (record["status"] in FINISHED):
        raise ValueError("completed_at does not fit the status")
    return {
        **texts,
        "id": record["id"],
        "status": record["status"],
        "priority": record["priority"],
        "parent_id": record["parent"],
        "assignee": record["assignee"],
        "claim_expires_at": _time_or_none(record["claim_expires_at"]),
        "lease_seconds": record["lease_seconds"],
        "hidden_by": int(record["hidden_by"]),
        "version": int(record["version"]),
        "created_at": _time(record["created_at"]),
        "updated_at": _time(record["updated_at"]),
        "completed_at": completed_at,
        "created_by": str(record["created_by"]),
    }


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at.astimezone(UTC)


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _check_references(found: Records) -> None:
    named = [("parent", row["parent_id"]) for row in found.items.values() if row["parent_id"] is not None]
    named += [("deletion", row["hidden_by"]) for row in found.items.values() if row["hidden_by"]]
    named += [("link", row[end]) for row in found.links for end in ("source_id", "target_id")]
    named += [("note", row["item_id"]) for row in found.notes] + [("event", row["item_id"]) for row in found.events]
    for what, item_id in named:
        if item_id not in found.items:
            raise _invalid(f"a {what} names item {shown(item_id)}, which is not among the records")
    if len({tuple(link.values()) for link in found.links}) < len(found.links):
        raise _invalid("a link comes twice")


def _check_graph(found: Records) -> None:
    waits: dict[int, list[int]] = {item_id: [] for item_id in found.items}
    for item_id, row in found.items.items():
        if row["parent_id"] is not None:
            waits[row["parent_id"]].append(item_id)
    for link in found.links:
        if link["kind"] == "blocks":
            waits[link["target_id"]].append(link["source_id"])
    cycle = cycle_in(waits)
    if cycle:
        raise _invalid(f"items {cycle} wait for each other")
    for item_id in found.items:
        if _depth(found, item_id) > MAX_DEPTH:
            raise _invalid(f"item {item_id} is more than {MAX_DEPTH} levels deep")


def _depth(found: Records, item_id: int) -> int:
    depth, parent = 1, found.items[item_id]["parent_id"]
    while parent is not None:
        depth, parent = depth + 1, found.items[parent]["parent_id"]
    return depth


def waits_of(found: Records) -> Counter[int]:
    """The number of visible unfinished blockers and children of each item."""
    unfinished = {
        item_id for item_id, row in found.items.items() if row["completed_at"] is None and not row["hidden_by"]
    }
    waits = Counter(found.items[one]["parent_id"] for one in unfinished)
    waits.update(
        link["target_id"] for link in found.links if link["kind"] == "blocks" and link["source_id"] in unfinished
    )
    return waits


def _invalid(what: str) -> WorkItemError:
    return WorkItemError(Code.IMPORT_INVALID, f"{what}; nothing was imported.", "import what export wrote, unchanged.")
