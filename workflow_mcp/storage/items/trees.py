"""Trees of open items, a page of those at the top at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from sqlalchemy import ColumnElement, Executable, FromClause, and_, bindparam, select

from workflow_mcp.storage.items.blockers import with_waits
from workflow_mcp.storage.items.listing import BELOW, TOP, list_page
from workflow_mcp.storage.items.rows import visible
from workflow_mcp.storage.tables import items
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.trees import Tree, depth_first
from workflow_mcp.work.values import ItemQuery, ItemSummary

MAX_ROWS = 1000  # more than fit into an answer


def list_tree(tx: Transaction, query: ItemQuery) -> Tree:
    """The open items below `query.parent`, or all open ones: a page of those at the top, and what is below them.

    At the top are the open items that no open item is above; they and all others are in the order of their ids. After
    the first `MAX_ROWS` items the tree may end: what is below those at the top is then left out.

    Raises:
        UsageError: `CURSOR_INVALID`.
    """
    page = list_page(tx, replace(query, view=TOP if query.parent is None else BELOW))
    tops = [item.id for item in page.items]
    places = depth_first(dict.fromkeys(tops) | _parents_below(tx, tops))
    shown = {item.id: item for item in page.items}
    shown |= _summaries(tx, (place.id for place in places[:MAX_ROWS] if place.depth))
    first = tuple(shown[place.id] for place in places[:MAX_ROWS] if place.id in shown)
    return Tree(tuple(places), replace(page, items=first))


def _summaries(tx: Transaction, ids: Iterable[int]) -> dict[int, ItemSummary]:
    return {item.id: item for item in with_waits(tx, visible(tx, ids))}


def _parents_below(tx: Transaction, tops: list[int]) -> dict[int, int | None]:
    """All open items that are below the first of these, each with its parent, in the order of their ids.

    What is below others is left out where `MAX_ROWS` come before them.
    """
    found: dict[int, int | None] = {}
    begin, count = 0, 1
    while begin < len(tops) and len(found) < MAX_ROWS:
        some = tops[begin : begin + count]
        found |= {row.id: row.parent_id for row in tx.all(_open_below(), ids=some)}
        begin, count = begin + count, 2 * count
    return found


@cache
def _open_below() -> Executable:
    start = select(items.c.id, items.c.parent_id).where(items.c.parent_id.in_(bindparam("ids", expanding=True)))
    below, one = start.where(_is_open(items)).cte(recursive=True), items.alias()
    step = select(one.c.id, one.c.parent_id).where(_is_open(one), one.c.parent_id == below.c.id)
    below = below.union_all(step)
    return select(below.c.id, below.c.parent_id).order_by(below.c.id)


def _is_open(table: FromClause) -> ColumnElement[bool]:
    return and_(in_project(table), table.c.hidden_by == 0, table.c.completed_at.is_(None))
