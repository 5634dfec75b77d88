"""Claims: who works on an item, and until when that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from workflow_mcp.storage.events.rows import record
from workflow_mcp.storage.items.detail import reasons
from workflow_mcp.storage.items.listing import first_row
from workflow_mcp.storage.items.rows import change_item, require_rows, to_item
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work import errors
from workflow_mcp.work.validation import check_actor, check_ids, check_lease
from workflow_mcp.work.values import Actor, Item, ItemQuery

DEFAULT_LEASE = timedelta(minutes=60)


def claim(
    tx: Transaction, actor: Actor, *, item_id: int | None, lease: timedelta, item_type: str | None, label: str | None
) -> Item | None:
    """Let `actor` hold an item, or the first ready one, for `lease`; None when none is ready.

    Claiming what one holds already renews the claim.

    Raises:
        WorkItemError: `ITEM_CLAIMED`, `ITEM_NOT_READY`, `ITEM_NOT_FOUND` or `ITEM_DELETED`.
    """
    check_actor(actor)
    check_lease(lease)
    if item_id is None:
        row = first_row(tx, ItemQuery(view="ready", item_type=item_type, label=label))
    else:
        row = _claimable(tx, item_id, actor)
    return None if row is None else _take(tx, row, actor, lease)


def _claimable(tx: Transaction, item_id: int, actor: Actor) -> Row[Any]:
    check_ids([item_id])
    row = (require_rows(tx, [item_id], lock=True))[item_id]
    item = to_item(row, tx.now)
    own = item.state == "in_progress" and item.assignee == actor.name
    if item.ready or own:
        return row
    if item.state == "in_progress" and item.claim_expires_at is not None:
        raise errors.claimed(item)
    raise errors.not_ready(item, reasons(tx, item))


def _take(tx: Transaction, row: Row[Any], actor: Actor, lease: timedelta) -> Item:
    expires, version = tx.now + lease, row.version + 1
    held: dict[str, Any] = {"status": "in_progress", "assignee": actor.name, "claim_expires_at": expires}
    changes = {field: [getattr(row, field), value] for field, value in held.items() if getattr(row, field) != value}
    bookkeeping = {"lease_seconds": round(lease.total_seconds()), "version": version, "updated_at": tx.now}
    change_item(tx, row.id, held | bookkeeping)
    record(tx, actor, [(row.id, "claimed", changes)])
    return replace(to_item(row, tx.now), **held, state="in_progress", version=version, updated_at=tx.now)


def refuse_if_held(tx: Transaction, row: Row[Any], actor: Actor) -> None:
    """Check that nobody but `actor` has a claim on the item that still holds.

    Raises:
        WorkItemError: `ITEM_CLAIMED`, with the item.
    """
    held = row.claim_expires_at is not None and row.claim_expires_at > tx.now
    if held and row.assignee != actor.name:
        raise errors.claimed(to_item(row, tx.now))
