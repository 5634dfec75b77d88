"""The board: columns of cards by state, progress of epics, the tree, and the graph of an epic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from sqlalchemy import Executable, and_, bindparam, case, func, select

from workflow_mcp.storage.events.history import settled_of
from workflow_mcp.storage.items.blockers import with_waits
from workflow_mcp.storage.items.claims import START_ACTIONS
from workflow_mcp.storage.items.listing import count_of, items_of
from workflow_mcp.storage.items.rows import chunks, fetch_rows, require_rows, to_item
from workflow_mcp.storage.tables import events, items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.board import (
    COLUMNS,
    MAX_EPICS,
    MAX_GRAPH,
    MAX_TREE,
    Board,
    BoardQuery,
    Card,
    Column,
    Epic,
    Graph,
    view_of,
)
from workflow_mcp.work.values import Item, ItemQuery


def board_of(tx: Transaction, query: BoardQuery) -> Board:
    """The first cards of all columns, and the progress of epics.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`, when the epic is not there.
    """
    if query.epic is not None:
        require_rows(tx, [query.epic])
    columns = tuple(column_of(tx, name, query, None) for name in COLUMNS)
    return Board(columns, _epics(tx), settled_of(tx))


def column_of(tx: Transaction, name: str, query: BoardQuery, cursor: str | None) -> Column:
    """The cards of one column, from a cursor on.

    Raises:
        UsageError: `CURSOR_INVALID`.
    """
    listed = ItemQuery(view_of(name), text=query.text, below=query.epic, limit=query.limit, cursor=cursor)
    found, following = items_of(tx, listed)
    return Column(name, count_of(tx, listed), _with_facts(tx, found), following)


def cards_of(tx: Transaction, ids: Sequence[int]) -> tuple[Card, ...]:
    """The cards of items, in this order, deleted ones too; unknown ids are left out."""
    rows = fetch_rows(tx, ids)
    found = (to_item(rows[one], tx.now) for one in dict.fromkeys(ids) if one in rows)
    return _with_facts(tx, with_waits(tx, found))


def tree_of(tx: Transaction, query: BoardQuery, *, finished_too: bool) -> tuple[Card, ...]:
    """The cards of what is open, or of everything, in the order of their ids; at most `MAX_TREE`."""
    listed = ItemQuery("all" if finished_too else "open", text=query.text, below=query.epic, limit=MAX_TREE)
    found, _ = items_of(tx, listed)
    return _with_facts(tx, sorted(found, key=lambda item: item.id))


def graph_of(tx: Transaction, epic: int) -> Graph:
    """What is below an epic, what it waits for and what waits for it, and the links of the kind `blocks` among them.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`.
    """
    require_rows(tx, [epic])
    found, _ = items_of(tx, ItemQuery("all", below=epic, limit=MAX_GRAPH))
    edges = _edges(tx, [item.id for item in found])
    ids = sorted({item.id for item in found} | {end for edge in edges for end in edge})
    cards = tuple(card for card in cards_of(tx, ids) if not card.item.deleted)
    shown = {card.item.id for card in cards}
    return Graph(cards, tuple(edge for edge in edges if shown.issuperset(edge)))


def _edges(tx: Transaction, ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = [row for some in chunks(ids) for end in ("source_id", "target_id") for row in tx.all(_blocks(end), ids=some)]
    return sorted({(row.source_id, row.target_id) for row in rows})


@cache
def _blocks(end: str) -> Executable:
    wanted = links.c[end].in_(bindparam("ids", expanding=True))
    return select(links.c.source_id, links.c.target_id).where(in_project(links), links.c.kind == "blocks", wanted)


def _with_facts(tx: Transaction, found: Iterable[Item]) -> tuple[Card, ...]:
    cards = [Card(item) for item in found]
    held = [card.item.id for card in cards if card.item.state == "in_progress"]
    directories = {row.item_id: row.directory for some in chunks(held) for row in tx.all(_claims(), ids=some)}
    parents = [card.item.id for card in cards]
    children = {row.parent_id: row.number for some in chunks(parents) for row in tx.all(_children(), ids=some)}
    return tuple(
        replace(card, directory=directories.get(card.item.id) or None, children=children.get(card.item.id, 0))
        for card in cards
    )


@cache
def _claims() -> Executable:
    """The last event by which each item was taken: it says in which directory."""
    taken = [in_project(events), events.c.item_id.in_(bindparam("ids", expanding=True))]
    last = select(func.max(events.c.id)).where(*taken, events.c.action.in_(START_ACTIONS)).group_by(events.c.item_id)
    return select(events.c.item_id, events.c.directory).where(in_project(events), events.c.id.in_(last))


@cache
def _children() -> Executable:
    wanted = items.c.parent_id.in_(bindparam("ids", expanding=True)), items.c.hidden_by == 0
    counted = select(items.c.parent_id, func.count().label("number")).where(in_project(items), *wanted)
    return counted.group_by(items.c.parent_id)


def _epics(tx: Transaction) -> tuple[Epic, ...]:
    rows = tx.all(_progress(), maximum=MAX_EPICS)
    return tuple(Epic(row.id, row.title, row.done, row.total) for row in rows)


@cache
def _progress() -> Executable:
    """Epics, unfinished ones first, with how much of what is below them is done."""
    visible = [in_project(items), items.c.hidden_by == 0, items.c.item_type == "epic"]
    epics = select(items.c.id, items.c.title, items.c.completed_at).where(*visible)
    epics = epics.order_by(items.c.completed_at.is_not(None), items.c.id).limit(bindparam("maximum"))
    top = epics.cte("epics")
    below = select(top.c.id.label("epic"), top.c.id.label("id")).cte("below", recursive=True)
    one = items.alias()
    step = select(below.c.epic, one.c.id).where(in_project(one), one.c.parent_id == below.c.id, one.c.hidden_by == 0)
    below = below.union_all(step)
    counts = and_(
        in_project(items), items.c.id == below.c.id, below.c.id != below.c.epic, items.c.status != "cancelled"
    )
    done = func.coalesce(func.sum(case((items.c.status == "completed", 1), else_=0)), 0)
    counted = (
        select(below.c.epic, done.label("done"), func.count(items.c.id).label("total"))
        .select_from(below.outerjoin(items, counts))
        .group_by(below.c.epic)
        .subquery()
    )
    columns = select(top.c.id, top.c.title, counted.c.done, counted.c.total)
    statement = columns.select_from(top.join(counted, counted.c.epic == top.c.id))
    return statement.order_by(top.c.completed_at.is_not(None), top.c.id)
