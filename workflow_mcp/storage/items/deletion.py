"""Deleting items with all below them, and restoring them. Deleted items stay stored and are hidden."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, Row, bindparam, select, update

from workflow_mcp.errors import Code, WorkItemError
from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.blockers import with_waits
from workflow_mcp.storage.items.claims import refuse_if_held
from workflow_mcp.storage.items.graph import descent
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import chunks, fetch_items, fetch_rows
from workflow_mcp.storage.tables import items
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.storage.types import Instant
from workflow_mcp.work import errors
from workflow_mcp.work.results import UpdateResult
from workflow_mcp.work.validation import check_actor, check_batch, check_ids
from workflow_mcp.work.values import Actor


def check_deletion(ids: Sequence[int], actor: Actor) -> None:
    """Refuse a batch that is invalid whatever the state of the items.

    Raises:
        WorkItemError: `ITEM_INVALID`, or `ITEM_NOT_FOUND` for a number that cannot be an id.
    """
    check_actor(actor)
    check_batch("ids", len(ids))
    check_ids(ids)


def delete_items(tx: Transaction, ids: Sequence[int], actor: Actor, *, confirm: bool) -> UpdateResult:
    """Delete items and all below them.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`, `ITEM_CLAIMED`, or `CHILDREN_NEED_CONFIRM`.
    """
    found = fetch_rows(tx, ids, lock=True)
    _require_known(ids, found)
    waits, hidden = Waits(), set[int]()
    for one in dict.fromkeys(ids):
        subtree = _subtree(tx, one, hidden_by=0)
        if found[one].hidden_by or one not in {row.id for row in subtree}:
            continue
        if len(subtree) > 1 and not confirm and not {row.id for row in subtree} <= set(ids):
            raise errors.children_need_confirm(one, len(subtree) - 1)
        for row in subtree:
            refuse_if_held(tx, row, actor)
        _set_hidden(tx, subtree, one, waits)
        add_events(tx, actor, [(row.id, "deleted", {"with": one}) for row in subtree])
        hidden.update(row.id for row in subtree)
    return _result(tx, ids, hidden, waits)


def restore_items(tx: Transaction, ids: Sequence[int], actor: Actor) -> UpdateResult:
    """Restore items, with those that were deleted together with them.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`, `ITEM_CLAIMED`, or `PARENT_DELETED` while the parent of an item stays deleted.
    """
    found = fetch_rows(tx, ids, lock=True)
    _require_known(ids, found)
    waits, restored = Waits(), set[int]()
    for one in dict.fromkeys(ids):
        row = (fetch_rows(tx, [one]))[one]
        if not row.hidden_by:
            continue
        _check_parent(tx, row)
        subtree = _subtree(tx, one, hidden_by=row.hidden_by)
        for each in subtree:
            refuse_if_held(tx, each, actor)
        _set_hidden(tx, subtree, 0, waits)
        add_events(tx, actor, [(each.id, "restored", {"with": one}) for each in subtree])
        for each in subtree:
            waits.reopened(each.id)
        restored.update(each.id for each in subtree)
    return _result(tx, ids, restored, waits)


def _result(tx: Transaction, ids: Sequence[int], changed: set[int], waits: Waits) -> UpdateResult:
    became_ready = waits.write(tx)
    found = with_waits(tx, fetch_items(tx, list(dict.fromkeys(ids))))
    unchanged = tuple(one.id for one in found if one.id not in changed)
    return UpdateResult(found, became_ready, unchanged, below=len(changed - set(ids)))


def _require_known(ids: Iterable[int], found: dict[int, Row[Any]]) -> None:
    missing = [one for one in ids if one not in found]
    if missing:
        raise errors.not_found(missing)


def _check_parent(tx: Transaction, row: Row[Any]) -> None:
    if row.parent_id is None:
        return
    parent = (fetch_rows(tx, [row.parent_id]))[row.parent_id]
    if parent.hidden_by:
        raise WorkItemError(
            Code.PARENT_DELETED,
            f"#{row.id} belongs below #{parent.id}, which was deleted.",
            f"call delete_work_items(ids=[{parent.hidden_by}], restore=true) to bring back both.",
        )


def _subtree(tx: Transaction, item_id: int, *, hidden_by: int) -> Sequence[Row[Any]]:
    # By their ids: asked for what `hidden_by` says as well, SQLite reads all that is hidden by nothing.
    below = [row.id for row in tx.all(_hidden_together(), of_item=item_id, hidden_by=hidden_by)]
    return [row for row in fetch_rows(tx, below).values() if row.hidden_by == hidden_by]


@cache
def _hidden_together() -> Executable:
    return select(descent(hidden_together=True).c.id)


def _set_hidden(tx: Transaction, subtree: Sequence[Row[Any]], hidden_by: int, waits: Waits) -> None:
    for ids in chunks([row.id for row in subtree]):
        tx.change(_set_hidden_by(), [{"ids": ids, "new_hidden_by": hidden_by, "now": tx.written_at}])
    unfinished = {row.id: row.parent_id for row in subtree if row.completed_at is None}
    waits.completion_changed(tx, unfinished, -1 if hidden_by else 1)


@cache
def _set_hidden_by() -> Executable:
    statement = update(items).where(in_project(items), items.c.id.in_(bindparam("ids", expanding=True)))
    now = bindparam("now", type_=Instant())
    return statement.values(hidden_by=bindparam("new_hidden_by"), version=items.c.version + 1, updated_at=now)
