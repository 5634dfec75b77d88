"""Lists of items, a page of a view with filters at a time; and how many items are in each state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    FromClause,
    Integer,
    Row,
    Select,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
)

from workflow_mcp.storage.expressions import chosen
from workflow_mcp.storage.items.blockers import with_waits
from workflow_mcp.storage.items.counts import count_states, is_expired
from workflow_mcp.storage.items.graph import descent
from workflow_mcp.storage.items.rows import item_columns, summary_columns, to_item, to_summary
from workflow_mcp.storage.tables import item_texts, items, labels
from workflow_mcp.storage.transactions import Transaction, in_project, stored_in_project
from workflow_mcp.storage.types import Instant
from workflow_mcp.work.cursors import make_cursor, read_cursor
from workflow_mcp.work.values import FINISHED, Actor, Item, ItemPage, ItemQuery, ItemSummary, ItemT, ItemT_co

FILTERS = ("parent", "below", "item_type", "assignee", "label")
ESCAPE = "/"
CLAIMABLE = "claimable"
TAKEABLE = "takeable"
TOP, BELOW = "top", "below"  # of the tree of open items, and of one of them


def list_page(tx: Transaction, query: ItemQuery) -> ItemPage[ItemSummary]:
    """A page of a view, ordered by priority and age; `done` is ordered by completion, latest first, and `all` by id.

    Raises:
        WorkItemError: `ITEM_INVALID`.
        UsageError: `CURSOR_INVALID`.
    """
    return _page(tx, query, summary_columns, to_summary)


def list_whole(tx: Transaction, query: ItemQuery) -> ItemPage[Item]:
    """The same page with whole items.

    Raises:
        WorkflowError: see `list_page`.
    """
    return _page(tx, query, item_columns, to_item)


def _page(
    tx: Transaction, query: ItemQuery, columns: Select[Any], to_value: Callable[[Row[Any], datetime], ItemT_co]
) -> ItemPage[ItemT_co]:
    page, following = _page_of(tx, query, columns, to_value)
    return ItemPage(page, count_states(tx), following)


def _page_of(
    tx: Transaction, query: ItemQuery, columns: Select[Any], to_value: Callable[[Row[Any], datetime], ItemT]
) -> tuple[tuple[ItemT, ...], str | None]:
    rows = _page_rows(tx, query, columns, more=1)
    page = with_waits(tx, (to_value(row, tx.now) for row in rows[: query.limit]))
    if len(rows) == len(page):
        return page, None
    return page, make_cursor(_subject(query), _key_of(query.view, rows[len(page) - 1]))


def items_of(tx: Transaction, query: ItemQuery) -> tuple[tuple[Item, ...], str | None]:
    """A page of a view, whole, and the cursor of the next one; without the counts of the project."""
    return _page_of(tx, query, item_columns, to_item)


def count_of(tx: Transaction, query: ItemQuery) -> int:
    """How many items a view has with these filters, on all its pages."""
    found = _asked(tx, query, after=False)
    if found is None:
        return 0
    asked, values = found
    row = tx.first(_counting(asked), **values)
    return 0 if row is None else int(row[0])


def is_any_ready(tx: Transaction) -> bool:
    """Whether any item is ready, be it assigned to somebody or not."""
    return bool(_page_rows(tx, ItemQuery("ready", limit=1), summary_columns, more=0))


def claimable(
    tx: Transaction, actor: Actor, *, item_type: str | None, label: str | None, limit: int, lock: bool = False
) -> Sequence[Row[Any]]:
    """The rows of `item_columns` of the first ready items that are not assigned to another than `actor`.

    With `lock` of those that no other transaction has locked, and nobody else can change them before this one ends.
    """
    view = TAKEABLE if lock else CLAIMABLE
    query = ItemQuery(view, item_type=item_type, label=label, actor=actor.name, earlier=actor.earlier, limit=limit)
    return _page_rows(tx, query, item_columns, more=0)


def _page_rows(tx: Transaction, query: ItemQuery, columns: Select[Any], *, more: int) -> Sequence[Row[Any]]:
    key = _cursor_key(query) if query.cursor is not None else []
    found = _asked(tx, query, after=bool(key))
    if found is None:
        return ()
    asked, values = found
    values |= {f"key_{number}": part for number, part in enumerate(key)}
    return tx.all(_statement(columns, asked), row_limit=query.limit + more, **values)


def _asked(tx: Transaction, query: ItemQuery, *, after: bool) -> tuple[_Asked, dict[str, Any]] | None:
    """What to ask, and the values for it; None where nothing can match."""
    words = (query.text or "").casefold().split()
    among = tx.find_texts(tx.connection, words) if words else None
    if among is not None and not among:
        return None
    given = {name: getattr(query, name) for name in FILTERS if getattr(query, name) is not None}
    values = {**given, "actor": query.actor, "now": tx.now, "of_item": query.below}
    values |= {f"word_{number}": f"%{_escaped(word)}%" for number, word in enumerate(words)}
    values |= {f"earlier_{number}": f"{_escaped(f'{name}/')}%" for number, name in enumerate(query.earlier)}
    values |= {} if among is None else {"among": among}
    asked = _Asked(query.view, tuple(given), len(words), len(query.earlier), after=after, among=among is not None)
    return asked, values


@dataclass(frozen=True, slots=True)
class _Asked:
    view: str
    filters: tuple[str, ...]
    words: int
    earlier: int
    after: bool
    among: bool


@lru_cache(maxsize=256)
def _statement(columns: Select[Any], asked: _Asked) -> Executable:
    table, row_limit = _table(among=asked.among), bindparam("row_limit", type_=Integer())
    narrowed = [*_narrowed(asked, table), *([_after(asked.view, table)] if asked.after else [])]
    ordered = _order(asked.view, table)
    parts = [
        select(table.c.id).where(in_project(table), *branch, *narrowed).order_by(*ordered).limit(row_limit)
        for branch in _branches(asked.view, table, asked.earlier)
    ]
    if asked.view == TAKEABLE:
        # SQLite, where nobody else writes meanwhile, leaves that out.
        parts = [part.with_for_update(of=table, skip_locked=True) for part in parts]
    alone = parts[0].correlate(None)
    wanted = alone if len(parts) == 1 else union_all(*[select(part.subquery().c.id) for part in parts])
    keys = [column.label(f"key_{number}") for number, column in enumerate(_plain_keys(asked.view, items))]
    statement = columns.add_columns(*keys).where(in_project(items), chosen(items.c.id, wanted))
    return statement.order_by(*_order(asked.view, items)).limit(row_limit)


@lru_cache(maxsize=256)
def _counting(asked: _Asked) -> Executable:
    table = _table(among=asked.among)
    narrowed = _narrowed(asked, table)
    parts = [
        select(func.count().label("number")).select_from(table).where(in_project(table), *branch, *narrowed)
        for branch in _branches(asked.view, table, asked.earlier)
    ]
    return select(func.sum(union_all(*parts).subquery().c.number))


def _narrowed(asked: _Asked, table: FromClause) -> list[ColumnElement[bool]]:
    return [*(_filter(name, table) for name in asked.filters), *_text_filters(asked.words, table)]


def _table(*, among: bool) -> FromClause:
    if not among:
        return items
    # Read first, by their ids: a planner that knows nothing of the texts would go through the whole view.
    wanted = items.c.id.in_(bindparam("among", expanding=True))
    return select(items).where(in_project(items), wanted).cte("among").prefix_with("MATERIALIZED")


def _runs(table: FromClause) -> ColumnElement[bool]:
    return or_(table.c.claim_expires_at.is_(None), table.c.claim_expires_at > bindparam("now", type_=Instant()))


def _branches(view: str, table: FromClause, earlier: int) -> list[list[ColumnElement[bool]]]:
    # Each branch is one range of an index in the order of the list, so its first rows are found without sorting.
    c = table.c
    visible = c.hidden_by == 0
    idle = [[visible, c.status == "pending"], [visible, is_expired(table)]]
    # The assignee of an expired claim is who lost it.
    unassigned = or_(c.assignee.is_(None), _is_mine(table, earlier))
    unfinished = [visible, c.completed_at.is_(None)]
    claimable = [[*idle[0], c.waits == 0, unassigned], [*idle[1], c.waits == 0]]
    branches: dict[str, list[list[ColumnElement[bool]]]] = {
        CLAIMABLE: claimable,
        TAKEABLE: claimable,
        "ready": [[*branch, c.waits == 0] for branch in idle],
        "blocked": [[*branch, c.waits > 0] for branch in idle],
        "in_progress": [[visible, c.status == "in_progress", _runs(table)]],
        "open": [unfinished],
        "mine": [[*unfinished, _is_mine(table, earlier)]],
        TOP: [[*unfinished, c.parent_id.is_(None)], [*unfinished, c.parent_id.in_(_finished_too_early())]],
        BELOW: [unfinished],
        "done": [[visible, c.completed_at.is_not(None)]],
        "deleted": [[c.hidden_by > 0]],
    }
    return branches.get(view, [[visible]])


def _finished_too_early() -> Select[Any]:
    """The parents that were completed although something below them was not."""
    parents = items.alias()
    finished = parents.c.hidden_by == 0, parents.c.status.in_(FINISHED), parents.c.waits > 0
    return select(parents.c.id).where(stored_in_project(parents), *finished)


def _is_mine(table: FromClause, earlier: int) -> ColumnElement[bool]:
    names = [f"earlier_{number}" for number in range(earlier)]
    succeeded = [(table.c.assignee + "/").like(bindparam(name), escape=ESCAPE) for name in names]
    return or_(table.c.assignee == bindparam("actor"), *succeeded)


def _filter(name: str, table: FromClause) -> ColumnElement[bool]:
    if name == "label":
        labelled = select(labels.c.item_id).where(in_project(labels), labels.c.label == bindparam("label"))
        return table.c.id.in_(labelled)
    if name == "below":
        below = descent()
        return table.c.id.in_(select(below.c.id).where(below.c.distance > 0))
    column: ColumnElement[Any] = table.c.parent_id if name == "parent" else table.c[name]
    return column == bindparam(name)


def _text_filters(words: int, table: FromClause) -> list[ColumnElement[bool]]:
    if not words:
        return []
    matching = [item_texts.c.folded.like(bindparam(f"word_{number}"), escape=ESCAPE) for number in range(words)]
    return [exists().where(in_project(item_texts), item_texts.c.item_id == table.c.id, *matching)]


def _escaped(word: str) -> str:
    return word.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")


def _order(view: str, table: FromClause) -> list[ColumnElement[Any]]:
    return [column.desc() if view == "done" else column.asc() for column in _key_columns(view, table)]


def _key_of(view: str, row: Row[Any]) -> list[int]:
    return [getattr(row, f"key_{number}") for number in range(len(_key_columns(view, items)))]


def _cursor_key(query: ItemQuery) -> list[Any]:
    return list(read_cursor(_subject(query), query.cursor or "", [int] * len(_key_columns(query.view, items))))


def _after(view: str, table: FromClause) -> ColumnElement[bool]:
    columns = _plain_keys(view, table)
    here = tuple_(*(bindparam(f"key_{number}", type_=BigInteger()) for number in range(len(columns))))
    return tuple_(*columns) < here if view == "done" else tuple_(*columns) > here


def _plain_keys(view: str, table: FromClause) -> list[ColumnElement[int]]:
    return [type_coerce(column, BigInteger) for column in _key_columns(view, table)]


def _key_columns(view: str, table: FromClause) -> list[ColumnElement[Any]]:
    c = table.c
    match view:
        case "done":
            return [c.completed_at, c.id]
        case "all" | "deleted":
            return [c.id]
        case "top" | "below":
            # The addition keeps SQLite from going through all items because their key is in this order.
            return [c.id + 0]
        case _:
            return [c.priority, c.created_at, c.id]


def _subject(query: ItemQuery) -> list[Any]:
    who = query.actor if query.view == "mine" else None
    below = [] if query.below is None else [query.below]
    return [query.view, query.parent, query.item_type, query.label, query.text, query.assignee, who, *below]
