"""Writing changes of items: their columns, labels and search texts, and who waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, Row, bindparam, delete, update

from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import change_items, folded, state_of
from workflow_mcp.storage.tables import item_texts, labels
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.transitions import Change


def write_changes(tx: Transaction, rows: Mapping[int, Row[Any]], changes: Mapping[int, Change]) -> None:
    """Write changes of these rows, by id, but for notes, events and what waits for them."""
    change_items(tx, {one: columns_of(tx, rows[one], change) for one, change in changes.items() if change})
    _write_labels(tx, {one: change.labels for one, change in changes.items() if change.labels is not None})
    _write_texts(tx, rows, changes)


def columns_of(tx: Transaction, row: Row[Any], change: Change) -> dict[str, Any]:
    """The new values of the columns of a row that a change writes."""
    if not change:
        return {}
    finished = {"completed_at": tx.written_at} if change.values.get("completed_at") == tx.now else {}
    return {**change.values, **finished, "version": row.version + 1, "updated_at": tx.written_at}


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


def add_waits(tx: Transaction, rows: Mapping[int, Row[Any]], changes: Mapping[int, Change], waits: Waits) -> None:
    """Add what such changes, but for moves, do to the items that wait for these."""
    now_parent = {one: change.values.get("parent_id", rows[one].parent_id) for one, change in changes.items()}
    for one, change in changes.items():
        row = rows[one]
        if change.releases and state_of(row.status, row.claim_expires_at, row.waits, tx.now) != "ready":
            waits.reopened(one)
    waits.completion_changed(tx, {one: now_parent[one] for one, change in changes.items() if change.finishes}, -1)
    waits.completion_changed(tx, {one: now_parent[one] for one, change in changes.items() if change.reopens}, 1)
