"""Changing a batch of items, all or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from workflow_mcp.storage.events.rows import add_events, add_notes
from workflow_mcp.storage.items.blockers import with_waits
from workflow_mcp.storage.items.cancelling import cancel_below
from workflow_mcp.storage.items.claims import is_held_by_another, refuse_if_held
from workflow_mcp.storage.items.detail import reasons
from workflow_mcp.storage.items.moving import move
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import fetch_items, labels_of, require_rows, to_item, written_item
from workflow_mcp.storage.items.writing import add_waits, columns_of, write_changes
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work import errors
from workflow_mcp.work.evidence import missing_in
from workflow_mcp.work.results import UpdateResult
from workflow_mcp.work.transitions import Change, change_of, starts
from workflow_mcp.work.validation import check_actor, check_batch, check_ids, check_update
from workflow_mcp.work.values import UNSET, Actor, Item, ItemUpdate


def check_updates(given: Sequence[ItemUpdate], actor: Actor) -> None:
    """Refuse a batch of updates that is invalid whatever the state of the items.

    Raises:
        WorkItemError: `ITEM_INVALID`, or `ITEM_NOT_FOUND` for a number that cannot be an id.
    """
    check_actor(actor)
    check_batch("updates", len(given))
    check_ids(one.id for one in given)
    check_ids(one.parent for one in given if isinstance(one.parent, int))
    for one in given:
        check_update(one)
        if one.status == "in_progress" and one.assignee is None:
            raise errors.invalid(
                f"#{one.id} cannot be in progress without an assignee.", "leave assignee out, or name one."
            )
    if len({one.id for one in given}) < len(given):
        raise errors.invalid("an item is updated twice in one call.", "put its changes into one update.")


def apply_updates(
    tx: Transaction, given: Sequence[ItemUpdate], actor: Actor, evidence_required_by: str | None = None
) -> UpdateResult:
    """Change the items.

    Args:
        tx: the transaction.
        given: the updates.
        actor: who makes them.
        evidence_required_by: the path of the config that lets none be completed without evidence.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`, `ITEM_DELETED`, `VERSION_CONFLICT`, `ITEM_CLAIMED`, `ITEM_NOT_READY`,
            `ITEM_UNFINISHED`, `EVIDENCE_REQUIRED`, `ITEM_CYCLE` or `ITEM_TOO_DEEP`.
    """
    rows = require_rows(tx, [one.id for one in given], lock=True)
    for one in given:
        _check_right(tx, rows[one.id], one, actor)
    changes = {one.id: change_of(rows[one.id], labels_of(rows[one.id]), one, actor, tx.now) for one in given}
    waits = Waits()
    for item_id, change in changes.items():
        if change.moves:
            move(tx, item_id, change.values["parent_id"], waits)
    write_changes(tx, rows, changes)
    add_waits(tx, rows, changes, waits)
    below = cancel_below(tx, [one for one in given if changes[one.id].cancels], actor, waits)
    _record(tx, changes, given, actor, below)
    became_ready = waits.write(tx)
    written = {one: _written(tx, rows[one], change, waits.change_of(one)) for one, change in changes.items()}
    with_others = {item_id for ids in below.values() for item_id in ids}
    written |= {item.id: item for item in fetch_items(tx, [one for one in written if one in with_others])}
    for one in given:
        _check_result(tx, rows[one.id], written[one.id], changes[one.id], one)
        if changes[one.id].completes and evidence_required_by is not None:
            _require_evidence(written[one.id], evidence_required_by)
    unchanged = tuple(one for one, change in changes.items() if not change)
    return UpdateResult(
        with_waits(tx, written.values()), became_ready, unchanged, below=len(with_others - written.keys())
    )


def _check_right(tx: Transaction, row: Row[Any], one: ItemUpdate, actor: Actor) -> None:
    if one.expected_version is None:
        refuse_if_held(tx, row, actor)
    elif one.expected_version != row.version:
        foreign = is_held_by_another(row, actor, tx.now)
        raise errors.version_conflict(to_item(row, tx.now), one.expected_version, claimed_by_another=foreign)
    if starts(row, one, actor, tx.now) and one.assignee is UNSET and _is_anothers_work(row, actor):
        raise errors.not_ready(to_item(row, tx.now), reasons(tx, to_item(row, tx.now)))


def _is_anothers_work(row: Row[Any], actor: Actor) -> bool:
    # Imported items, and those of earlier versions, can be in progress without a claim.
    begun = row.status == "in_progress" and row.claim_expires_at is None
    return begun and row.assignee is not None and not actor.owns(row.assignee)


def _continues(row: Row[Any], item: Item) -> bool:
    return bool(row.status == "in_progress" and row.assignee == item.assignee)


def _check_result(tx: Transaction, row: Row[Any], item: Item, change: Change, given: ItemUpdate) -> None:
    """Refuse that what still waits, when the whole batch is written, is started or, without `force`, completed."""
    if not item.waits:
        return
    blocked = replace(item, state="blocked")
    if change.starts and not _continues(row, item):
        raise errors.not_ready(blocked, reasons(tx, blocked))
    if change.completes and not given.force:
        raise errors.unfinished(item, reasons(tx, blocked))


def _require_evidence(item: Item, config_path: str) -> None:
    missing = missing_in(item)
    if missing:
        raise errors.evidence_required(item, missing, config_path)


def _written(tx: Transaction, row: Row[Any], change: Change, more_waits: int) -> Item:
    columns = {**row._asdict(), **columns_of(tx, row, change), "waits": row.waits + more_waits}
    return written_item(columns, labels_of(row) if change.labels is None else change.labels, tx.now)


def _record(
    tx: Transaction,
    changes: Mapping[int, Change],
    given: Sequence[ItemUpdate],
    actor: Actor,
    below: Mapping[int, Sequence[int]],
) -> None:
    add_notes(tx, actor, {one.id: one.note for one in given if one.note is not None})
    told = [(one, change.action, _told(change, below.get(one, ()))) for one, change in changes.items() if change]
    add_events(tx, actor, told)


def _told(change: Change, below: Sequence[int]) -> Mapping[str, Any]:
    return {**change.changed_fields, "cancelled_below": [None, len(below)]} if below else change.changed_fields
