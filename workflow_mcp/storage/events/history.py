"""The history of a project: the events of all its items, or of one."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from sqlalchemy import Executable, Integer, bindparam, func, select

from workflow_mcp.storage.items.rows import fetch_rows
from workflow_mcp.storage.tables import events, items
from workflow_mcp.storage.transactions import Transaction, in_project, in_unfinished_import, stored_in_project
from workflow_mcp.work import errors
from workflow_mcp.work.history import Entry, History, HistoryQuery

MAX_EVENTS: Final = 1000


def history_of(tx: Transaction, query: HistoryQuery) -> History:
    """The entries that a query asks for; those of deleted items are among them.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`.
    """
    if query.item is not None and not fetch_rows(tx, [query.item]):
        raise errors.not_found([query.item])
    limits = {"item": query.item, "after": query.after, "before": query.before}
    given = {name: value for name, value in limits.items() if value is not None}
    rows = tx.all(_entries(tuple(given)), row_limit=query.limit, **given)
    if query.after is None:
        rows = list(reversed(rows))
    entries = tuple(
        Entry(row.id, row.item_id, row.title, row.at, row.actor, row.directory, row.action, row.changes) for row in rows
    )
    return History(entries, _settled(tx, entries, is_full=query.after is not None and len(rows) == query.limit))


def settled_of(tx: Transaction) -> int:
    """The position up to which everything that will ever be in the history is there already."""
    return _settled(tx, (), is_full=False)


def _settled(tx: Transaction, entries: tuple[Entry, ...], *, is_full: bool) -> int:
    # Events of an import are there when it ends, also those that come before what others do meanwhile.
    hidden = tx.first(_first_hidden())
    last = tx.first(_last())
    found = entries[-1].position if is_full else ((last and last[0]) or 0)
    return found if hidden is None or hidden[0] is None else min(found, hidden[0] - 1)


def directories_of(tx: Transaction) -> tuple[str, ...]:
    """The directories from which the project was changed last, the latest first."""
    return tuple(row.directory for row in tx.all(_directories(), row_limit=MAX_EVENTS))


@cache
def _directories() -> Executable:
    named = select(events.c.id, events.c.directory).where(in_project(events), events.c.directory != "")
    last = named.order_by(events.c.id.desc()).limit(bindparam("row_limit", type_=Integer())).subquery()
    return select(last.c.directory).group_by(last.c.directory).order_by(func.max(last.c.id).desc())


@lru_cache(maxsize=8)
def _entries(given: tuple[str, ...]) -> Executable:
    belongs = (items.c.project_id == events.c.project_id) & (items.c.id == events.c.item_id)
    statement = select(events, items.c.title).join(items, belongs).where(in_project(events))
    if "item" in given:
        statement = statement.where(events.c.item_id == bindparam("item"))
    if "before" in given:
        statement = statement.where(events.c.id < bindparam("before"))
    if "after" in given:
        statement = statement.where(events.c.id > bindparam("after")).order_by(events.c.id)
    else:
        statement = statement.order_by(events.c.id.desc())
    return statement.limit(bindparam("row_limit", type_=Integer()))


@cache
def _first_hidden() -> Executable:
    return select(func.min(events.c.id)).where(in_unfinished_import(events))


@cache
def _last() -> Executable:
    return select(func.max(events.c.id)).where(stored_in_project(events))
