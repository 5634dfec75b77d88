"""Exporting a project as records; `workflow-mcp export` writes one a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, tuple_

from workflow_mcp.storage.items.rows import item_columns, labels_of
from workflow_mcp.storage.origins.rows import imported_column
from workflow_mcp.storage.tables import events, items, links, notes
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.export_format import FORMAT
from workflow_mcp.work.values import Project

PORTION = 500

Record = dict[str, Any]


def export_records(tx: Transaction, project: Project) -> Iterator[list[Record]]:
    """The project, its items, links, notes and events, and how many there were; up to 500 records at a time."""
    yield [{"kind": "project", "format": FORMAT, "id": project.id, "name": project.name}]
    link_key = [links.c.source_id, links.c.target_id, links.c.kind]
    tables: list[tuple[Select[Any], Sequence[Any], Callable[[Row[Any]], Record]]] = [
        (item_columns.add_columns(imported_column()).where(in_project(items)), [items.c.id], _item),
        (select(links).where(in_project(links)), link_key, _link),
        (select(notes).where(in_project(notes)), [notes.c.id], _note),
        (select(events).where(in_project(events)), [events.c.id], _event),
    ]
    counts: Counter[str] = Counter()
    for statement, key, record in tables:
        for rows in _portions(tx, statement, key):
            records = [record(row) for row in rows]
            counts[records[0]["kind"]] += len(records)
            yield records
    yield [{"kind": "end", **{f"{kind}s": counts[kind] for kind in ("item", "link", "note", "event")}}]


def _portions(tx: Transaction, statement: Select[Any], key: Sequence[Any]) -> Iterator[Sequence[Row[Any]]]:
    ordered = statement.order_by(*key).limit(PORTION)
    rows = tx.all(ordered)
    while rows:
        yield rows
        last = [getattr(rows[-1], column.name) for column in key]
        rows = tx.all(ordered.where(tuple_(*key) > tuple_(*last))) if len(rows) == PORTION else []


def _item(row: Row[Any]) -> Record:
    same = ("id", "title", "description", "item_type", "status", "priority", "assignee", "lease_seconds", "hidden_by")
    times = ("claim_expires_at", "created_at", "updated_at", "completed_at")
    return {
        "kind": "item",
        **{name: getattr(row, name) for name in same},
        **{name: _iso(getattr(row, name)) for name in times},
        "labels": labels_of(row),
        "parent": row.parent_id,
        "version": row.version,
        "created_by": row.created_by,
        "acceptance": row.acceptance,
        "evidence": row.evidence,
        "origin": _origin(row),
    }


def _origin(row: Row[Any]) -> Record | None:
    return None if row.external_ref is None else {"external_ref": row.external_ref, "imported": row.imported}


def _link(row: Row[Any]) -> Record:
    return {"kind": "link", "source": row.source_id, "target": row.target_id, "link": row.kind}


def _note(row: Row[Any]) -> Record:
    return {"kind": "note", "item": row.item_id, "at": _iso(row.at), "author": row.author, "text": row.text}


def _event(row: Row[Any]) -> Record:
    return {
        "kind": "event",
        "item": row.item_id,
        "at": _iso(row.at),
        "actor": row.actor,
        "directory": row.directory,
        "action": row.action,
        "changes": row.changes,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
