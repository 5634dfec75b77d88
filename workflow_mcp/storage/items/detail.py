"""One item with its relatives, links, notes and events."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, Executable, and_, bindparam, func, literal, select, union_all

from workflow_mcp.storage.events.rows import last_events, last_notes, note_of
from workflow_mcp.storage.items.blockers import Waiting
from workflow_mcp.storage.items.graph import ancestry
from workflow_mcp.storage.items.rows import require_rows, summary_columns, to_item, to_summary
from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work import errors
from workflow_mcp.work.details import ItemDetail, Linked, Note
from workflow_mcp.work.values import FINISHED, Item, ItemSummary, Part

MAX_CHILDREN = 200
MAX_LINKS = 200
MAX_NOTES = 20
MAX_EVENTS = 20


def detail_of(tx: Transaction, item_id: int, part: Part) -> ItemDetail:
    """An item with its relatives and links, and the notes and events that `part` names.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`; `ITEM_INVALID` when there is no such note.
    """
    item = to_item(require_rows(tx, [item_id])[item_id], tx.now)
    ancestors, links = _ancestors(tx, item), tx.all(_links_of(), of_item=item_id)
    children, children_count = _children(tx, item_id)
    others = [to_summary(row, tx.now) for row in links]
    waiting = Waiting(tx, [item, *ancestors, *children, *others])
    ends = zip(links, waiting.told(others), strict=True)
    return ItemDetail(
        item=waiting.told([item])[0],
        ancestors=waiting.told(ancestors),
        children=waiting.told(children),
        children_count=children_count,
        links=tuple(Linked(row.link_kind, bool(row.outgoing), other) for row, other in ends),
        links_count=links[0].total if links else 0,
        notes=_notes(tx, item_id, part),
        events=last_events(tx, item_id, MAX_EVENTS, part.before_event),
        not_ready=_reasons(item, waiting),
    )


def _notes(tx: Transaction, item_id: int, part: Part) -> tuple[Note, ...]:
    if part.note is None:
        return last_notes(tx, item_id, MAX_NOTES, part.before_note)
    found = note_of(tx, item_id, part.note)
    if found is None:
        raise errors.no_note(item_id, part.note)
    return (found,)


def reasons(tx: Transaction, item: Item) -> tuple[str, ...]:
    """Why an item cannot be claimed, a sentence each; empty when it can."""
    return _reasons(item, Waiting(tx, [item]))


def _reasons(item: Item, waiting: Waiting) -> tuple[str, ...]:
    if item.ready:
        return ()
    if item.state in FINISHED:
        return (f"it is {item.state}",)
    if item.state == "in_progress":
        until = f" until {errors.at(item.claim_expires_at)}" if item.claim_expires_at else ""
        return (f"{item.assignee or 'an unnamed agent'} works on it{until}",)
    found = [_waiting(blocked, blockers, item.id) for blocked, blockers in waiting.blockers(item).items()]
    children, count = waiting.children(item)
    if count:
        found.append(f"below it, {errors.numbers(children, count)} are unfinished")
    return tuple(found)


def _waiting(blocked: int, blockers: list[int], item_id: int) -> str:
    who = "it" if blocked == item_id else f"#{blocked} above it"
    return f"{who} waits for {errors.numbers(blockers)}"


def _ancestors(tx: Transaction, item: Item) -> list[ItemSummary]:
    if item.parent is None:
        return []
    return [to_summary(row, tx.now) for row in tx.all(_ancestors_of(), of_item=item.id)]


@cache
def _ancestors_of() -> Executable:
    above = ancestry()
    statement = summary_columns.join(above, above.c.id == items.c.id).where(in_project(items), above.c.distance > 0)
    return statement.order_by(above.c.distance.desc())


def _children(tx: Transaction, item_id: int) -> tuple[list[ItemSummary], int]:
    rows = tx.all(_children_of(), of_item=item_id)
    children = [to_summary(row, tx.now) for row in rows]
    if len(rows) < MAX_CHILDREN:
        return children, len(rows)
    counted = tx.first(_count_of_children(), of_item=item_id)
    return children, int(counted[0]) if counted else 0


def _is_child() -> ColumnElement[bool]:
    return and_(in_project(items), items.c.parent_id == bindparam("of_item"), items.c.hidden_by == 0)


@cache
def _children_of() -> Executable:
    # The unfinished first: they are what a parent waits for.
    ordered = summary_columns.where(_is_child()).order_by(items.c.completed_at.is_not(None), items.c.id)
    return ordered.limit(MAX_CHILDREN)


@cache
def _count_of_children() -> Executable:
    return select(func.count()).select_from(items).where(_is_child())


@cache
def _links_of() -> Executable:
    to = select(links.c.target_id.label("other"), links.c.kind.label("link_kind"), literal(True).label("outgoing"))
    by = select(links.c.source_id, links.c.kind, literal(False))
    ends = union_all(
        to.where(in_project(links), links.c.source_id == bindparam("of_item")),
        by.where(in_project(links), links.c.target_id == bindparam("of_item")),
    ).subquery()
    # What an item waits for comes before what waits for it, and what is unfinished before what is not.
    return (
        summary_columns.add_columns(ends.c.link_kind, ends.c.outgoing, func.count().over().label("total"))
        .join(ends, ends.c.other == items.c.id)
        .where(in_project(items), items.c.hidden_by == 0)
        .order_by(ends.c.link_kind, ends.c.outgoing, items.c.completed_at.is_not(None), items.c.id)
        .limit(MAX_LINKS)
    )
