"""The graph of parents and blockers in the database: its depth, and checks for cycles.

An item waits for its blockers, and a parent waits for its children.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlalchemy import CTE, ColumnElement, Executable, and_, bindparam, func, literal, select, union_all

from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work import errors


def ancestry() -> CTE:
    """The item `of_item` and its ancestors: `id`, `parent_id`, and `distance` from the item."""
    start = select(items.c.id, items.c.parent_id, literal(0).label("distance")).where(in_project(items), _is_of_item())
    found = start.cte("ancestry", recursive=True)
    above = items.alias()
    step = select(above.c.id, above.c.parent_id, found.c.distance + 1)
    return found.union_all(step.where(in_project(above), above.c.id == found.c.parent_id))


def descent(*, hidden_together: bool = False) -> CTE:
    """The item `of_item` and all below it, or of these only those hidden by `hidden_by`: `id` and `distance`."""
    start = select(items.c.id, literal(0).label("distance")).where(in_project(items), _is_of_item())
    found = start.cte("descent", recursive=True)
    below = items.alias()
    step = select(below.c.id, found.c.distance + 1).where(in_project(below), below.c.parent_id == found.c.id)
    if hidden_together:
        step = step.where(below.c.hidden_by == bindparam("hidden_by"))
    return found.union_all(step)


def _is_of_item() -> ColumnElement[bool]:
    return items.c.id == bindparam("of_item")


def depth_of(tx: Transaction, item_id: int) -> int:
    """The level of an item; top-level items are on level 1."""
    row = tx.first(_depth(), of_item=item_id)
    return int(row[0]) if row else 0


@cache
def _depth() -> Executable:
    return select(func.count()).select_from(ancestry())


def height_of(tx: Transaction, item_id: int) -> int:
    """The number of levels that an item and all below it take."""
    row = tx.first(_farthest(), of_item=item_id)
    return int(row[0] or 0) + 1 if row else 1


@cache
def _farthest() -> Executable:
    return select(func.max(descent().c.distance))


def _waiting_for() -> CTE:
    start = select(items.c.id, items.c.parent_id).where(
        in_project(items), items.c.id.in_(bindparam("ids", expanding=True))
    )
    found = start.cte("waiting", recursive=True)
    parent = select(found.c.parent_id).correlate(found)
    blocked = select(links.c.target_id).where(
        in_project(links), links.c.source_id == found.c.id, links.c.kind == "blocks"
    )
    one = items.alias()
    # One recursive term for both kinds of edge: PostgreSQL allows no more.
    next_ids = union_all(parent, blocked.correlate(found))
    near = and_(in_project(one), one.c.id.in_(next_ids))
    step = select(one.c.id, one.c.parent_id).select_from(found.join(one, near))
    return found.union(step)


def refuse_cycle(tx: Transaction, waiting: Iterable[int], awaited: Iterable[int], what: str) -> None:
    """Check that no `awaited` item waits for a `waiting` one, directly or not; finished and deleted ones count.

    Raises:
        WorkItemError: `ITEM_CYCLE`.
    """
    if tx.first(_waiting_among(), ids=list(waiting), awaited=list(awaited)):
        raise errors.cycle(what)


@cache
def _waiting_among() -> Executable:
    found = _waiting_for()
    return select(found.c.id).where(found.c.id.in_(bindparam("awaited", expanding=True))).limit(1)
