"""Lists of items: a view, narrowed by filters, a page at a time; and how many there are of each state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Row,
    exists,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
    union_all,
)

from workflow_mcp.store.checks import check_query
from workflow_mcp.store.cursors import make_cursor, read_cursor
from workflow_mcp.store.database import Transaction
from workflow_mcp.store.items import select_items, state_of, to_item
from workflow_mcp.store.schema import item_texts, items, labels, to_micros
from workflow_mcp.store.values import Counts, ItemPage, ItemQuery


async def list_page(tx: Transaction, query: ItemQuery) -> ItemPage:
    """A page of a view; by priority and age, but `done` by the time of finishing, the last first, and `all` by id.

    Raises:
        WorkItemError: `INVALID_ITEM`.
        UsageError: `INVALID_CURSOR`.
    """
    check_query(query)
    rows = await page_rows(tx, query, more=1)
    page = [to_item(row, tx.now) for row in rows[: query.limit]]
    following = (
        make_cursor(_subject(query), _key_of(query.view, rows[query.limit - 1])) if len(rows) > len(page) else None
    )
    return ItemPage(tuple(page), await count_states(tx), following)


async def page_rows(tx: Transaction, query: ItemQuery, *, more: int = 0) -> Sequence[Row[Any]]:
    """The rows of a page, and `more` beyond its limit."""
    ordered = _order(query.view)
    after = None if query.cursor is None else _after(query)
    parts = []
    for branch in _branches(tx, query):
        part = select(items.c.id).where(tx.of(items), *branch, *_filters(tx, query))
        part = part if after is None else part.where(after)
        parts.append(part.order_by(*ordered).limit(query.limit + more))
    wanted = parts[0] if len(parts) == 1 else union_all(*[select(part.subquery().c.id) for part in parts])
    statement = select_items(tx).where(items.c.id.in_(wanted))
    return await tx.all(statement.order_by(*ordered).limit(query.limit + more))


def _branches(tx: Transaction, query: ItemQuery) -> list[list[ColumnElement[bool]]]:
    # Each branch is a run of one index in the order of the list, so that its first rows are found at once.
    c = items.c
    visible = c.hidden_by == 0
    idle = [[visible, c.status == "pending"], [visible, c.status == "in_progress", c.claim_expires_at <= tx.now]]
    match query.view:
        case "ready":
            return [[*branch, c.waits == 0] for branch in idle]
        case "blocked":
            return [[*branch, c.waits > 0] for branch in idle]
        case "open":
            return [[visible, c.completed_at.is_(None)]]
        case "mine":
            return [[visible, c.completed_at.is_(None), c.assignee == query.actor]]
        case "done":
            return [[visible, c.completed_at.is_not(None)]]
        case _:
            return [[visible]]


def _filters(tx: Transaction, query: ItemQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.parent is not None:
        found.append(items.c.parent_id == query.parent)
    if query.item_type is not None:
        found.append(items.c.item_type == query.item_type)
    if query.assignee is not None:
        found.append(items.c.assignee == query.assignee)
    if query.label is not None:
        labelled = select(labels.c.item_id).where(tx.of(labels), labels.c.label == query.label)
        found.append(items.c.id.in_(labelled))
    return found + _text_filters(tx, query.text or "")


def _text_filters(tx: Transaction, text: str) -> list[ColumnElement[bool]]:
    words = text.casefold().split()
    if not words:
        return []
    folded = item_texts.c.folded
    matching = [folded.contains(word, autoescape=True) for word in words]
    return [exists().where(tx.of(item_texts), item_texts.c.item_id == items.c.id, *matching)]


def _order(view: str) -> list[ColumnElement[Any]]:
    return [column.desc() if view == "done" else column.asc() for column in _key_columns(view)]


def _key_of(view: str, row: Row[Any]) -> list[int]:
    values = [getattr(row, column.key or "") for column in _key_columns(view)]
    return [to_micros(value) if isinstance(value, datetime) else value for value in values]


def _after(query: ItemQuery) -> ColumnElement[bool]:
    width = {"done": 2, "all": 1}.get(query.view, 3)
    key = read_cursor(_subject(query), query.cursor or "", [int] * width)
    columns = _key_columns(query.view)
    here = tuple_(*(literal(value, BigInteger) for value in key))
    there = tuple_(*(type_coerce(column, BigInteger) for column in columns))
    return there < here if query.view == "done" else there > here


def _key_columns(view: str) -> list[ColumnElement[Any]]:
    c = items.c
    match view:
        case "done":
            return [c.completed_at, c.id]
        case "all":
            return [c.id]
        case _:
            return [c.priority, c.created_at, c.id]


def _subject(query: ItemQuery) -> list[Any]:
    who = query.actor if query.view == "mine" else None
    return [query.view, query.parent, query.item_type, query.label, query.text, query.assignee, who]


async def count_states(tx: Transaction) -> Counts:
    """How many visible items of the project are in which state."""
    counted: Counter[str] = Counter()
    for row in await tx.all(_state_counts(tx)):
        counted[state_of(row.status, None, row.waits, tx.now)] += row.number
    # Work whose claim ran out is counted above as in progress; it waits for somebody to take it over.
    for row in await tx.all(_ran_out_counts(tx)):
        counted["in_progress"] -= row.number
        counted["blocked" if row.waits else "ready"] += row.number
    return Counts(**counted)


def _state_counts(tx: Transaction) -> Executable:
    # Grouped as the index is ordered: anything else sorts all items first.
    by = (items.c.status, items.c.waits)
    statement = select(*by, func.count().label("number"))
    return statement.where(tx.of(items), items.c.hidden_by == 0).group_by(*by)


def _ran_out_counts(tx: Transaction) -> Executable:
    statement = select(items.c.waits, func.count().label("number"))
    ran_out = [items.c.status == "in_progress", items.c.claim_expires_at <= tx.now, items.c.hidden_by == 0]
    return statement.where(tx.of(items), *ran_out).group_by(items.c.waits)
