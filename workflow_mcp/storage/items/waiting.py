"""Which of those who wait to claim an item can do so now."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlalchemy import Executable, bindparam, func, select

from workflow_mcp.storage.items.claims import Wanted, is_claimable
from workflow_mcp.storage.items.listing import claimable, is_any_ready
from workflow_mcp.storage.items.requests import earlier_items
from workflow_mcp.storage.items.rows import fetch_rows, to_item
from workflow_mcp.storage.tables import items
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.storage.types import Instant
from workflow_mcp.work.values import FINISHED


def due_now(tx: Transaction, waiting: Iterable[Wanted]) -> tuple[list[bool], float | None]:
    """For each of those who wait whether its claim is due, where no two would take one item.

    Returns:
        Also the seconds until the next lease ends, which may make an item ready; None without a lease.
    """
    taken: set[int] = set()
    ready = is_any_ready(tx)
    due = [(ready or one.is_named) and _is_due(tx, one, taken) for one in waiting]
    row = tx.first(_next_end(), now=tx.now)
    return due, None if row is None or row.at is None else (row.at - tx.now).total_seconds()


def _is_due(tx: Transaction, wanted: Wanted, taken: set[int]) -> bool:
    if earlier_items(tx, wanted.request) is not None:
        return True
    if wanted.item_id is not None:
        return _is_item_due(tx, wanted, wanted.item_id, taken)
    rows = claimable(tx, wanted.actor, item_type=wanted.item_type, label=wanted.label, limit=len(taken) + 1)
    free = next((row.id for row in rows if row.id not in taken), None)
    if free is not None:
        taken.add(free)
    return free is not None


def _is_item_due(tx: Transaction, wanted: Wanted, item_id: int, taken: set[int]) -> bool:
    row = fetch_rows(tx, [item_id]).get(item_id)
    if row is None or row.hidden_by or to_item(row, tx.now).state in FINISHED:
        return True
    is_free = item_id not in taken and is_claimable(row, wanted.actor, tx.now)
    if is_free:
        taken.add(item_id)
    return is_free


@cache
def _next_end() -> Executable:
    ends = items.c.claim_expires_at
    return select(func.min(ends, type_=Instant()).label("at")).where(
        in_project(items), ends > bindparam("now", type_=Instant())
    )
