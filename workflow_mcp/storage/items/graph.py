"""The graph of parents and blockers in the database: its depth, and checks for cycles.

An item waits for its blockers and for those of its ancestors, and a parent waits for its children.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from sqlalchemy import (
    CTE,
    ColumnElement,
    Executable,
    FromClause,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project, stored_in_project
from workflow_mcp.work import errors
from workflow_mcp.work.graph import MAX_DEPTH


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
    """All that waits for `ids`; `spreads` is 1 where all below the item waits as well."""
    start = select(items.c.id, items.c.parent_id, literal(0).label("spreads")).where(
        in_project(items), items.c.id.in_(bindparam("ids", expanding=True))
    )
    found = start.cte("waiting", recursive=True)
    parent = select(found.c.parent_id).correlate(found)
    blocked = select(links.c.target_id).where(
        in_project(links), links.c.source_id == found.c.id, links.c.kind == "blocks"
    )
    child = items.alias()
    below = select(child.c.id).where(in_project(child), child.c.parent_id == found.c.id, found.c.spreads == 1)
    one = items.alias()
    # One recursive term for all kinds of edge: PostgreSQL allows no more.
    next_ids = union_all(parent, blocked.correlate(found), below.correlate(found))
    near = and_(in_project(one), one.c.id.in_(next_ids))
    step = select(one.c.id, one.c.parent_id, _spreads(found, one)).select_from(found.join(one, near))
    return found.union(step)


def _spreads(found: CTE, one: FromClause) -> ColumnElement[int]:
    child, of_kind = items.alias(), links.c.kind == "blocks"
    has_child = exists().where(stored_in_project(child), child.c.parent_id == one.c.id)
    is_blocked = exists().where(
        in_project(links), links.c.source_id == found.c.id, links.c.target_id == one.c.id, of_kind
    )
    was_reached_from_above = and_(found.c.spreads == 1, one.c.parent_id == found.c.id)
    return case(
        (was_reached_from_above, 1),
        (and_(has_child.correlate(one), is_blocked.correlate(found, one), ~_is_below(found, one)), 1),
        else_=0,
    )


def _is_below(found: CTE, one: FromClause) -> ColumnElement[bool]:
    """Whether the item in `found` is below another; unrolled, because a recursive term holds no other recursion."""
    levels = [items.alias() for _ in range(MAX_DEPTH - 1)]
    way: FromClause = levels[0]
    for lower, upper in pairwise(levels):
        way = way.outerjoin(upper, and_(stored_in_project(upper), upper.c.id == lower.c.parent_id))
    is_parent = or_(*(level.c.parent_id == one.c.id for level in levels))
    begins = and_(stored_in_project(levels[0]), levels[0].c.id == found.c.id)
    return exists().select_from(way).where(begins, is_parent).correlate(found, one)


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
