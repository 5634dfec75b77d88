"""Putting an item, with all below it, below another one or on top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from workflow_mcp.errors import WorkItemError
from workflow_mcp.storage.items.blockers import ancestors_of, blockers_of, descendants_of, inheriting
from workflow_mcp.storage.items.graph import depth_of, height_of, refuse_cycle
from workflow_mcp.storage.items.readiness import Waits, blocks_by
from workflow_mcp.storage.items.rows import change_item, require_rows
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work import errors
from workflow_mcp.work.graph import MAX_DEPTH


def move(tx: Transaction, item_id: int, parent: int | None, waits: Waits) -> None:
    """Write an item's new parent, so that the next move of a batch sees it, and add what that changes to `waits`.

    One that is refused has written nothing.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`, `ITEM_DELETED`, `ITEM_CYCLE` or `ITEM_TOO_DEEP`.
    """
    row = require_rows(tx, [item_id])[item_id]
    if parent is not None:
        _check_place(tx, item_id, parent)
    moved = [item_id, *descendants_of(tx, [item_id])[item_id]]
    crossing = _crossing(tx, moved, item_id, parent)
    below = descendants_of(tx, [blocked for _, blocked in crossing])
    affected = {*moved, *(one for ids in below.values() for one in ids)}
    before = _inherited(tx, affected)
    change_item(tx, item_id, {"parent_id": parent})
    try:
        _refuse_cycles(tx, moved, crossing, f"#{item_id} cannot be moved: what it would wait for waits for it")
    except WorkItemError:
        change_item(tx, item_id, {"parent_id": row.parent_id})
        raise
    after = _inherited(tx, affected)
    for one in affected:
        waits.add(one, after[one] - before[one])
    if row.completed_at is None:
        waits.add(row.parent_id, -1)
        waits.add(parent, 1)


def _check_place(tx: Transaction, item_id: int, parent: int) -> None:
    require_rows(tx, [parent], lock=True)
    refuse_cycle(tx, [parent], [item_id], f"#{parent} cannot be the parent of #{item_id}: it waits for it")
    if depth_of(tx, parent) + height_of(tx, item_id) > MAX_DEPTH:
        raise errors.too_deep(f"#{item_id} below #{parent}", MAX_DEPTH)


def _crossing(tx: Transaction, moved: Sequence[int], item_id: int, parent: int | None) -> list[tuple[int, int]]:
    """What of the moved blocks an item that is above it before or after: who waits for it as well, depends on that."""
    places = [item_id] if parent is None else [item_id, parent]
    above = set().union(*ancestors_of(tx, places).values(), places[1:])
    return [(blocker, blocked) for blocker, blocked in blocks_by(tx, moved) if blocked in above]


def _inherited(tx: Transaction, ids: Iterable[int]) -> Counter[int]:
    return Counter(one.item for one in blockers_of(tx, ids) if one.distance)


def _refuse_cycles(tx: Transaction, moved: Sequence[int], crossing: Sequence[tuple[int, int]], what: str) -> None:
    inherited = {one.blocker for one in blockers_of(tx, moved[:1], finished_too=True) if one.distance}
    if inherited:
        refuse_cycle(tx, moved, inherited, what)
    for blocker, blocked in crossing:
        waiting = inheriting(tx, [(blocker, blocked)])
        if waiting:
            refuse_cycle(tx, waiting, [blocker], what)
