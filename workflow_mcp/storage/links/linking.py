"""Links between items: `id` blocks, duplicates, was discovered from, or relates to `other`."""

from __future__ import annotations

from functools import cache

from sqlalchemy import BindParameter, ColumnElement, Executable, and_, bindparam, delete, or_, select

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.blockers import inheriting
from workflow_mcp.storage.items.claims import refuse_if_held, renew
from workflow_mcp.storage.items.graph import refuse_cycle
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import require_rows
from workflow_mcp.storage.tables import links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work import errors
from workflow_mcp.work.results import LinkResult
from workflow_mcp.work.validation import check_actor, check_ids, check_kind
from workflow_mcp.work.values import Actor


def check_link(item_id: int, other: int, kind: str, actor: Actor) -> None:
    """Refuse a link that is invalid whatever the state of the items.

    Raises:
        WorkItemError: `ITEM_INVALID`, or `ITEM_NOT_FOUND` for a number that cannot be an id.
    """
    check_actor(actor)
    check_kind(kind)
    check_ids([item_id, other])
    if item_id == other:
        raise errors.invalid(f"#{item_id} cannot be linked to itself.", "give the id of another item.")


def link(tx: Transaction, item_id: int, other: int, kind: str, actor: Actor, *, remove: bool) -> LinkResult:
    """Create or remove a link; does nothing when it exists already, or is already removed.

    It counts as a change of the blocked item, and otherwise of `item_id`: a claim on that must be `actor`'s, and is
    renewed.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND`, `ITEM_DELETED`, `ITEM_CLAIMED` or `ITEM_CYCLE`.
    """
    rows = require_rows(tx, [item_id, other], lock=True)
    changed = rows[other if kind == "blocks" else item_id]
    refuse_if_held(tx, changed, actor)
    ends = {"kind": kind, "of_item": item_id, "other": other}
    exists = tx.first(_found(kind), **ends) is not None
    if exists != remove:
        return LinkResult(changed=False)
    if remove:
        tx.change(_removal(kind), [ends])
    else:
        _add(tx, item_id, other, kind)
    renewed = {changed.id: renew(tx, changed, actor)}
    events = _events(item_id, other, kind, remove=remove)
    add_events(tx, actor, [(one, action, changes | renewed.get(one, {})) for one, action, changes in events])
    waits = Waits()
    if kind == "blocks" and rows[item_id].completed_at is None:
        waits.add_blocks(tx, [(item_id, other)], -1 if remove else 1)
    return LinkResult(changed=True, became_ready=waits.write(tx))


@cache
def _found(kind: str) -> Executable:
    return select(links.c.source_id).where(_same(kind))


@cache
def _removal(kind: str) -> Executable:
    return delete(links).where(_same(kind))


def _same(kind: str) -> ColumnElement[bool]:
    one: BindParameter[int] = bindparam("of_item")
    other: BindParameter[int] = bindparam("other")
    forwards = and_(links.c.source_id == one, links.c.target_id == other)
    backwards = and_(links.c.source_id == other, links.c.target_id == one)
    between = or_(forwards, backwards) if kind == "relates_to" else forwards
    return and_(in_project(links), links.c.kind == bindparam("kind"), between)


def _add(tx: Transaction, item_id: int, other: int, kind: str) -> None:
    if kind == "blocks":
        waiting = [other, *inheriting(tx, [(item_id, other)])]
        refuse_cycle(
            tx, waiting, [item_id], f"#{item_id} cannot block #{other}: it waits for it, or for what is below it"
        )
    tx.add(links, [{"source_id": item_id, "target_id": other, "kind": kind}])


def _events(item_id: int, other: int, kind: str, *, remove: bool) -> list[tuple[int, str, dict[str, object]]]:
    action = "unlinked" if remove else "linked"
    return [
        (item_id, action, {"kind": kind, "to": other}),
        (other, action, {"kind": kind, "from": item_id}),
    ]
