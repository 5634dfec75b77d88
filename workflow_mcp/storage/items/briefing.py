"""What whoever begins an item has to know besides the item itself."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, bindparam

from workflow_mcp.storage.events.rows import last_notes
from workflow_mcp.storage.items.rows import summary_columns, to_summary, visible
from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.details import Briefing
from workflow_mcp.work.values import Item

MAX_BLOCKERS = 10
MAX_NOTES = 3


def briefing_of(tx: Transaction, item: Item) -> Briefing:
    """The parent of an item, its last notes, and the last note of each of the blockers that were finished last."""
    parents = [] if item.parent is None else visible(tx, [item.parent])
    blockers = [to_summary(row, tx.now) for row in tx.all(_finished_blockers(), of_item=item.id)]
    return Briefing(
        parent=parents[0] if parents else None,
        blockers=tuple((blocker, note) for blocker in blockers for note in last_notes(tx, blocker.id, 1)),
        notes=last_notes(tx, item.id, MAX_NOTES),
    )


@cache
def _finished_blockers() -> Executable:
    blocks = [in_project(links), links.c.target_id == bindparam("of_item"), links.c.kind == "blocks"]
    return (
        summary_columns.join(links, links.c.source_id == items.c.id)
        .where(in_project(items), *blocks, items.c.hidden_by == 0, items.c.completed_at.is_not(None))
        .order_by(items.c.completed_at.desc(), items.c.id)
        .limit(MAX_BLOCKERS)
    )
