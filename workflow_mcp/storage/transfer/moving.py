"""Moving a project into another database: all its rows as they are, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Literal

from sqlalchemy import ColumnElement, Executable, Result, Select, Table, bindparam, func, literal, select, update

from workflow_mcp.storage.tables import events, items, members, metadata, notes, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction, stored_in_project
from workflow_mcp.storage.types import to_micros

PORTION = 500
# The numbers of rows are the database's own, as is what a file notes of its machine's clock.
_LEFT_OUT = {notes: {"id"}, events: {"id"}, projects: {"id", "boot", "booted_at"}}

Outcome = Literal["moved", "there", "different"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a project holds: how many items and members, and what has happened in it."""

    items: int
    members: int
    events: int
    digest: str


def contents_of(tx: Transaction) -> Contents:
    """What a project holds."""
    count, digest = _history(tx)
    return Contents(_count(tx, items), _count(tx, members), count, digest)


def move(tx: Transaction, source: Transaction) -> Outcome:
    """Bring all rows of a project into a database where it has none; see `state_of` for where it has some."""
    found = state_of(tx, contents_of(source))
    if found == "moved":
        for table, rows in _portions(source):
            _add(tx, table, rows)
    return found


def state_of(tx: Transaction, source: Contents) -> Outcome:
    """What moving a project comes to: `moved` where it has no rows yet, `there` where all that happened in it is."""
    if not any(tx.first(_any(table)) for table in metadata.sorted_tables if table is not projects):
        return "moved"
    # What has happened here since then does not count.
    return "there" if _history(tx, source.events) == (source.events, source.digest) else "different"


def _portions(tx: Transaction) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    for table in metadata.sorted_tables:
        left_out = {"project_id", *_LEFT_OUT.get(table, ())}
        columns = [column for column in table.c if column.name not in left_out]
        statement = select(*columns).where(_own(table)).order_by(*table.primary_key)
        for rows in _streamed(tx, statement).mappings().partitions():
            yield table, [dict(row) for row in rows]


def _add(tx: Transaction, table: Table, rows: list[dict[str, Any]]) -> None:
    if table is projects:
        tx.change(update(projects).where(_own(projects)), rows)
    else:
        tx.add(table, rows)


def _history(tx: Transaction, limit: int | None = None) -> tuple[int, str]:
    """How many events there are, of which no more than `limit` are looked at, and a digest of them in their order."""
    columns = (events.c.at, events.c.item_id, events.c.actor, events.c.directory, events.c.action, events.c.changes)
    statement = select(*columns).where(_own(events)).order_by(events.c.id).limit(limit)
    count, digest = 0, blake2b(digest_size=16)
    for row in _streamed(tx, statement):
        what = [to_micros(row.at), row.item_id, row.actor, row.directory, row.action, row.changes]
        digest.update(json.dumps(what, sort_keys=True).encode() + b"\n")
        count += 1
    return count, digest.hexdigest()


def _count(tx: Transaction, table: Table) -> int:
    row = tx.first(select(func.count().label("rows")).select_from(table).where(_own(table)))
    return 0 if row is None else int(row.rows)


@cache
def _any(table: Table) -> Executable:
    return select(literal(1)).select_from(table).where(_own(table)).limit(1)


def _own(table: Table) -> ColumnElement[bool]:
    return table.c.id == bindparam(PROJECT_PARAMETER) if table is projects else stored_in_project(table)


def _streamed(tx: Transaction, statement: Select[Any]) -> Result[Any]:
    portioned = statement.execution_options(yield_per=PORTION)
    return tx.connection.execute(portioned, {PROJECT_PARAMETER: tx.project_id})
