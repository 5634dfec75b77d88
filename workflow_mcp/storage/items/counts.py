"""How many items are in each state."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, FromClause, Select, and_, bindparam, func, literal, select, union_all

from workflow_mcp.storage.items.rows import state_of
from workflow_mcp.storage.tables import items
from workflow_mcp.storage.transactions import Transaction, in_project, in_unfinished_import, stored_in_project
from workflow_mcp.storage.types import Instant
from workflow_mcp.work.values import Counts


def count_states(tx: Transaction) -> Counts:
    """How many visible items of the project are in which state."""
    counted: Counter[str] = Counter()
    for row in tx.all(_state_counts(), now=tx.now):
        counted[state_of(row.status, None, row.waits, tx.now)] += row.number
    return Counts(**counted)


@cache
def _state_counts() -> Executable:
    # Grouped as the index is ordered: anything else sorts all items first.
    by = (items.c.status, items.c.waits)
    visible = select(*by, func.count().label("number")).where(stored_in_project(items), items.c.hidden_by == 0)
    # To ask of each item whether it belongs to an unfinished import takes longer than to count those that do. The
    # addition keeps SQLite from looking for them among all that are visible.
    imported = select(*by, -func.count()).where(in_unfinished_import(items), items.c.hidden_by + 0 == 0)
    # Items whose claim has expired are counted as in progress by the first part, but can be claimed again.
    claimable = [_expired_counts("in_progress", -func.count()), _expired_counts("pending", func.count())]
    return union_all(visible.group_by(*by), imported.group_by(*by), *claimable)


def _expired_counts(status: str, number: ColumnElement[int]) -> Select[Any]:
    counted = select(literal(status), items.c.waits, number).where(in_project(items), is_expired(items))
    return counted.where(items.c.hidden_by == 0).group_by(items.c.waits)


def is_expired(table: FromClause) -> ColumnElement[bool]:
    """The condition that the claim on an item has expired, by the parameter `now`."""
    return and_(table.c.status == "in_progress", table.c.claim_expires_at <= bindparam("now", type_=Instant()))
