"""Cancelling what is unfinished below items that are cancelled."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.blockers import descendants_of
from workflow_mcp.storage.items.claims import refuse_if_held
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import fetch_rows, labels_of
from workflow_mcp.storage.items.writing import add_waits, write_changes
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.transitions import change_of
from workflow_mcp.work.values import Actor, ItemUpdate


def cancel_below(tx: Transaction, cancelled: Sequence[ItemUpdate], actor: Actor, waits: Waits) -> dict[int, list[int]]:
    """Cancel what is unfinished below items, and add to `waits` what that changes.

    Args:
        tx: the transaction.
        cancelled: the updates that cancel the items, which are written already.
        actor: who cancels them; what somebody else holds is only cancelled with `force`.
        waits: to be written.

    Returns:
        The ids that were cancelled below each of the items.

    Raises:
        WorkItemError: `ITEM_CLAIMED`.
    """
    below = descendants_of(tx, [one.id for one in cancelled])
    return {one.id: _cancel(tx, one, below[one.id], actor, waits) for one in cancelled}


def _cancel(tx: Transaction, above: ItemUpdate, ids: Sequence[int], actor: Actor, waits: Waits) -> list[int]:
    found = fetch_rows(tx, ids, lock=True)
    rows = {one: row for one, row in found.items() if row.completed_at is None and not row.hidden_by}
    for row in rows.values() if not above.force else ():
        refuse_if_held(tx, row, actor)
    updates = {one: ItemUpdate(one, status="cancelled") for one in rows}
    changes = {one: change_of(rows[one], labels_of(rows[one]), updates[one], actor, tx.now) for one in rows}
    write_changes(tx, rows, changes)
    add_waits(tx, rows, changes, waits)
    told = [(one, change.action, {**change.changed_fields, "with": above.id}) for one, change in changes.items()]
    add_events(tx, actor, told)
    return list(rows)
