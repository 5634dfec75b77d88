"""Changing a batch of items, all or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Executable, Row, bindparam, delete, update

from workflow_mcp.storage.events.rows import add_events, add_notes
from workflow_mcp.storage.items.claims import is_held_by_another, refuse_if_held
from workflow_mcp.storage.items.detail import reasons
from workflow_mcp.storage.items.moving import move
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import (
    change_items,
    folded,
    labels_of,
    require_rows,
    state_of,
    to_item,
    written_item,
)
from workflow_mcp.storage.tables import item_texts, labels
from workflow_mcp.storage.transactions import Transaction, in_project
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
            `EVIDENCE_REQUIRED`, `ITEM_CYCLE` or `ITEM_TOO_DEEP`.
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
    _record(tx, changes, given, actor)
    add_waits(tx, rows, changes, waits)
    became_ready = waits.write(tx)
    written = {one: _written(tx, rows[one], change, waits.change_of(one)) for one, change in changes.items()}
    for item_id, change in changes.items():
        if change.starts and written[item_id].waits and not _continues(rows[item_id], written[item_id]):
            _refuse_start(tx, written[item_id])
        if change.completes and evidence_required_by is not None:
            _require_evidence(written[item_id], evidence_required_by)
    unchanged = tuple(one for one, change in changes.items() if not change)
    return UpdateResult(tuple(written.values()), became_ready, unchanged)


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


def _refuse_start(tx: Transaction, item: Item) -> None:
    blocked = replace(item, state="blocked")
    raise errors.not_ready(blocked, reasons(tx, blocked))


def _require_evidence(item: Item, config_path: str) -> None:
    missing = missing_in(item)
    if missing:
        raise errors.evidence_required(item, missing, config_path)


def write_changes(tx: Transaction, rows: Mapping[int, Row[Any]], changes: Mapping[int, Change]) -> None:
    """Write changes of these rows, by id, but for notes, events and what waits for them."""
    change_items(tx, {one: _columns(tx, rows[one], change) for one, change in changes.items() if change})
    _write_labels(tx, {one: change.labels for one, change in changes.items() if change.labels is not None})
    _write_texts(tx, rows, changes)


def _columns(tx: Transaction, row: Row[Any], change: Change) -> dict[str, Any]:
    if not change:
        return {}
    finished = {"completed_at": tx.written_at} if change.values.get("completed_at") == tx.now else {}
    return {**change.values, **finished, "version": row.version + 1, "updated_at": tx.written_at}


def _written(tx: Transaction, row: Row[Any], change: Change, more_waits: int) -> Item:
    columns = {**row._asdict(), **_columns(tx, row, change), "waits": row.waits + more_waits}
    return written_item(columns, labels_of(row) if change.labels is None else change.labels, tx.now)


def _write_labels(tx: Transaction, labelled: Mapping[int, Sequence[str]]) -> None:
    if labelled:
        tx.change(_no_labels(), [{"of_item": one} for one in labelled])
        tx.add(labels, [{"item_id": one, "label": label} for one, names in labelled.items() for label in names])


@cache
def _no_labels() -> Executable:
    return delete(labels).where(in_project(labels), labels.c.item_id == bindparam("of_item"))


def _write_texts(tx: Transaction, rows: Mapping[int, Row[Any]], changes: Mapping[int, Change]) -> None:
    parameters = [
        {
            "of_item": one,
            "text": folded(
                change.values.get("title", rows[one].title), change.values.get("description", rows[one].description)
            ),
        }
        for one, change in changes.items()
        if change.values.keys() & {"title", "description"}
    ]
    tx.change(_new_text(), parameters)


@cache
def _new_text() -> Executable:
    statement = update(item_texts).where(in_project(item_texts), item_texts.c.item_id == bindparam("of_item"))
    return statement.values(folded=bindparam("text"))


def _record(tx: Transaction, changes: Mapping[int, Change], given: Sequence[ItemUpdate], actor: Actor) -> None:
    add_notes(tx, actor, {one.id: one.note for one in given if one.note is not None})
    add_events(tx, actor, [(one, change.action, change.changed_fields) for one, change in changes.items() if change])


def add_waits(tx: Transaction, rows: Mapping[int, Row[Any]], changes: Mapping[int, Change], waits: Waits) -> None:
    """Add what such changes, but for moves, do to the items that wait for these."""
    now_parent = {one: change.values.get("parent_id", rows[one].parent_id) for one, change in changes.items()}
    for one, change in changes.items():
        row = rows[one]
        if change.releases and state_of(row.status, row.claim_expires_at, row.waits, tx.now) != "ready":
            waits.reopened(one)
    waits.completion_changed(tx, {one: now_parent[one] for one, change in changes.items() if change.finishes}, -1)
    waits.completion_changed(tx, {one: now_parent[one] for one, change in changes.items() if change.reopens}, 1)
