"""Claims: who works on an item, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from workflow_mcp.storage.events.rows import add_events, last_time
from workflow_mcp.storage.items.briefing import briefing_of
from workflow_mcp.storage.items.detail import reasons
from workflow_mcp.storage.items.listing import claimable
from workflow_mcp.storage.items.requests import Request, add_request, earlier_items, request_of
from workflow_mcp.storage.items.rows import change_item, require_rows, state_of, to_item
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work import errors
from workflow_mcp.work.results import Claim
from workflow_mcp.work.transitions import holds
from workflow_mcp.work.validation import check_actor, check_ids, check_lease, check_request_id
from workflow_mcp.work.values import FINISHED, Actor, Item

# The actions that give an item to a new holder.
START_ACTIONS = ("claimed", "started", "assigned")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an actor wants to claim: an item, or the first ready one of a type and label.

    Attributes:
        request_id: names the request, so that it can be repeated.
        waits: whether there is nothing to claim, rather than an error, while somebody or something holds the item up.
    """

    actor: Actor
    item_id: int | None
    lease: timedelta
    item_type: str | None = None
    label: str | None = None
    request_id: str | None = None
    waits: bool = False

    @property
    def is_named(self) -> bool:
        """Whether an item or a request is named, so that no other will do."""
        return self.item_id is not None or self.request_id is not None

    @property
    def request(self) -> Request | None:
        """The request that this claim is, if it has an id."""
        wanted = (self.item_id, self.lease.total_seconds(), self.item_type, self.label)
        return None if self.request_id is None else request_of(self.request_id, "claim", self.actor.name, *wanted)


def check_claim(wanted: Wanted) -> None:
    """Refuse a claim that is invalid whatever the state of the items.

    Raises:
        WorkItemError: `ITEM_INVALID`, or `ITEM_NOT_FOUND` for a number that cannot be an id.
    """
    check_actor(wanted.actor)
    check_lease(wanted.lease)
    if wanted.item_id is not None:
        check_ids([wanted.item_id])
    if wanted.request_id is not None:
        check_request_id(wanted.request_id)


def claim(tx: Transaction, wanted: Wanted) -> Claim | None:
    """Claim an item, or the first ready one that is not assigned to another actor; None when there is none.

    Claiming an item that the actor already holds renews the claim; the result says since when it is held. A repeated
    request claims the same item again.

    Raises:
        WorkItemError: `ITEM_CLAIMED`, `ITEM_NOT_READY`, `ITEM_NOT_FOUND` or `ITEM_DELETED`.
    """
    actor, request = wanted.actor, wanted.request
    earlier = earlier_items(tx, request)
    row = _first(tx, wanted) if earlier is None else _claimable(tx, earlier[0], actor)
    if row is None:
        return None
    renews = row.assignee == actor.name and _is_held_by(row, actor, tx.now)
    since = _held_since(tx, row) if renews else None
    item = _take(tx, row, actor, wanted.lease, "claimed" if since is None else "renewed")
    if earlier is not None:
        return Claim(item, briefing_of(tx, item))
    add_request(tx, request, [item.id])
    return Claim(item, briefing_of(tx, item), since)


def _first(tx: Transaction, wanted: Wanted) -> Row[Any] | None:
    if wanted.item_id is None:
        rows = claimable(tx, wanted.actor, item_type=wanted.item_type, label=wanted.label, limit=1, lock=True)
        return rows[0] if rows else None
    return _claimable(tx, wanted.item_id, wanted.actor, waits=wanted.waits)


def _claimable(tx: Transaction, item_id: int, actor: Actor, *, waits: bool = False) -> Row[Any] | None:
    row = require_rows(tx, [item_id], lock=True)[item_id]
    if is_claimable(row, actor, tx.now):
        return row
    item = to_item(row, tx.now)
    if waits and item.state not in FINISHED:
        return None
    if item.state == "in_progress" and item.claim_expires_at is not None:
        raise errors.claimed(item)
    raise errors.not_ready(item, reasons(tx, item))


def is_claimable(row: Row[Any], actor: Actor, now: datetime) -> bool:
    """Whether `actor` can claim an item that is not deleted."""
    item = to_item(row, now)
    unassigned = item.state == "in_progress" and item.assignee is None and not item.waits
    return item.ready or unassigned or _is_held_by(row, actor, now)


def _is_held_by(row: Row[Any], actor: Actor, now: datetime) -> bool:
    state = state_of(row.status, row.claim_expires_at, row.waits, now)
    return state == "in_progress" and actor.owns(row.assignee)


def _held_since(tx: Transaction, row: Row[Any]) -> datetime:
    return last_time(tx, row.id, START_ACTIONS) or row.updated_at


def _take(tx: Transaction, row: Row[Any], actor: Actor, lease: timedelta, action: str) -> Item:
    expires, version = tx.now + lease, row.version + 1
    held: dict[str, Any] = {"status": "in_progress", "assignee": actor.name, "claim_expires_at": expires}
    changes = {field: [getattr(row, field), value] for field, value in held.items() if getattr(row, field) != value}
    others = {"lease_seconds": round(lease.total_seconds()), "version": version, "updated_at": tx.written_at}
    change_item(tx, row.id, held | others)
    add_events(tx, actor, [(row.id, action, changes)])
    return replace(
        to_item(row, tx.now), **held, state="in_progress", lease_left=lease, version=version, updated_at=tx.written_at
    )


def refuse_if_held(tx: Transaction, row: Row[Any], actor: Actor) -> None:
    """Check that no other actor than `actor` has an unexpired claim on the item.

    Raises:
        WorkItemError: `ITEM_CLAIMED`, with the item.
    """
    if is_held_by_another(row, actor, tx.now):
        raise errors.claimed(to_item(row, tx.now))


def renew(tx: Transaction, row: Row[Any], actor: Actor) -> dict[str, Any]:
    """Renew `actor`'s claim on an item that they change otherwise than by an update; returns the changed fields."""
    if row.status != "in_progress" or not holds(row, actor):
        return {}
    until = tx.now + timedelta(seconds=row.lease_seconds)
    if until == row.claim_expires_at:
        return {}
    change_item(tx, row.id, {"claim_expires_at": until})
    return {"claim_expires_at": [row.claim_expires_at, until]}


def is_held_by_another(row: Row[Any], actor: Actor, now: datetime) -> bool:
    """Whether another actor than `actor` has an unexpired claim on the item."""
    held = row.claim_expires_at is not None and row.claim_expires_at > now
    return held and not actor.owns(row.assignee)
