"""Events and notes of items; their rows are added and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, Row, Table, bindparam, func, select

from workflow_mcp.storage.tables import events, notes
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.details import Event, Note
from workflow_mcp.work.values import Actor


def event_row(item_id: int, action: str, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> dict[str, Any]:
    """The row of an event; times among its changes are stored as text."""
    return {
        "item_id": item_id,
        "at": now,
        "actor": actor.name,
        "directory": actor.directory,
        "action": action,
        "changes": {field: _plain(value) for field, value in changes.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def add_events(tx: Transaction, actor: Actor, entries: Sequence[tuple[int, str, Mapping[str, Any]]]) -> None:
    """Write events; an entry is an item's id, the action and the changed fields."""
    rows = [event_row(one, action, changes, actor=actor, now=tx.written_at) for one, action, changes in entries]
    tx.add(events, rows)


def add_notes(tx: Transaction, actor: Actor, texts: Mapping[int, str]) -> None:
    """Write a note on each of these items."""
    rows = [{"item_id": one, "at": tx.written_at, "author": actor.name, "text": text} for one, text in texts.items()]
    tx.add(notes, rows)


def last_events(tx: Transaction, item_id: int, count: int, before: int | None = None) -> tuple[Event, ...]:
    """An item's last events, or the last before the one of this number; oldest first."""
    found = _last_of(tx, events, item_id, count, before)
    return tuple(Event(number, row.at, row.actor, row.directory, row.action, row.changes) for number, row in found)


def last_time(tx: Transaction, item_id: int, actions: Sequence[str]) -> datetime | None:
    """The time of the last event of an item with one of these actions; None when there is none."""
    row = tx.first(_last_of_actions(), of_item=item_id, actions=actions)
    return None if row is None else row.at


@cache
def _last_of_actions() -> Executable:
    wanted = events.c.action.in_(bindparam("actions", expanding=True))
    statement = select(events.c.at).where(in_project(events), events.c.item_id == bindparam("of_item"), wanted)
    return statement.order_by(events.c.id.desc()).limit(1)


def last_notes(tx: Transaction, item_id: int, count: int, before: int | None = None) -> tuple[Note, ...]:
    """An item's last notes, or the last before the one of this number; oldest first."""
    found = _last_of(tx, notes, item_id, count, before)
    return tuple(Note(number, row.at, row.author, row.text) for number, row in found)


def _last_of(
    tx: Transaction, table: Table, item_id: int, count: int, before: int | None
) -> Iterable[tuple[int, Row[Any]]]:
    newer = 0 if before is None else max(_count(tx, table, item_id) - before + 1, 0)
    rows = tx.all(_last(table), of_item=item_id, count=count, newer=newer)
    earlier = _count(tx, table, item_id) - newer - len(rows) if len(rows) == count else 0
    return enumerate(reversed(rows), start=earlier + 1)


def _count(tx: Transaction, table: Table, item_id: int) -> int:
    counted = tx.first(_count_of(table), of_item=item_id)
    return 0 if counted is None else int(counted[0])


@cache
def _count_of(table: Table) -> Executable:
    return select(func.count()).select_from(table).where(in_project(table), table.c.item_id == bindparam("of_item"))


def note_of(tx: Transaction, item_id: int, number: int) -> Note | None:
    """The note of this number of an item; None when there is none."""
    row = tx.first(_note(), of_item=item_id, before=number - 1)
    return None if row is None else Note(number, row.at, row.author, row.text)


@cache
def _note() -> Executable:
    of_item = select(notes).where(in_project(notes), notes.c.item_id == bindparam("of_item"))
    return of_item.order_by(notes.c.id).limit(1).offset(bindparam("before"))


@cache
def _last(table: Table) -> Executable:
    statement = select(table).where(in_project(table), table.c.item_id == bindparam("of_item"))
    return statement.order_by(table.c.id.desc()).limit(bindparam("count")).offset(bindparam("newer"))
