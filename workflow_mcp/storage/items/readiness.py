"""How many unfinished blockers and children each item waits for, kept right within each transaction.

An item's `waits` is the number of visible unfinished items that block it or are its children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import Executable, bindparam, select, update

from workflow_mcp.storage.items.rows import chunks, summary_columns, to_summary
from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.values import ItemSummary


class Waits:
    """Collects how the waits of items change, writes them once, and says what became ready by it."""

    def __init__(self) -> None:
        self._changes: Counter[int] = Counter()
        self._reopened: set[int] = set()

    def add(self, item_id: int | None, by: int) -> None:
        """Let an item wait for `by` more; None is nobody."""
        if item_id is not None:
            self._changes[item_id] += by

    def change_of(self, item_id: int) -> int:
        """By how much the waits of an item change."""
        return self._changes[item_id]

    def completion_changed(self, tx: Transaction, parents: Mapping[int, int | None], by: int) -> None:
        """Let all that wait for these items (with their parents) wait for `by` more each."""
        for parent in parents.values():
            self.add(parent, by)
        for target in blocked_by(tx, parents):
            self.add(target, by)

    def reopened(self, item_id: int) -> None:
        """Count an item among those that can become ready, though what it waits for has not changed."""
        self._reopened.add(item_id)

    def write(self, tx: Transaction) -> tuple[ItemSummary, ...]:
        """Write the changes; the items that are ready now and were not before, in the order of their ids."""
        changes = {item_id: by for item_id, by in self._changes.items() if by}
        tx.change(_shift(), [{"of_item": one, "by": by} for one, by in changes.items()])
        freed = {item_id for item_id, by in changes.items() if by < 0} | self._reopened
        rows = [row for ids in chunks(sorted(freed)) for row in tx.all(_visible(), ids=ids)]
        return tuple(item for item in (to_summary(row, tx.now) for row in rows) if item.ready)


@cache
def _visible() -> Executable:
    wanted = items.c.id.in_(bindparam("ids", expanding=True))
    return summary_columns.where(in_project(items), wanted, items.c.hidden_by == 0).order_by(items.c.id)


@cache
def _shift() -> Executable:
    statement = update(items).where(in_project(items), items.c.id == bindparam("of_item"))
    return statement.values(waits=items.c.waits + bindparam("by"))


def blocked_by(tx: Transaction, blockers: Iterable[int]) -> list[int]:
    """The items that these block, once for each of them."""
    found: list[int] = []
    for ids in chunks(list(blockers)):
        found += [row.target_id for row in tx.all(_blocked_by(), ids=ids)]
    return found


@cache
def _blocked_by() -> Executable:
    blocking = [in_project(links), links.c.source_id.in_(bindparam("ids", expanding=True)), links.c.kind == "blocks"]
    return select(links.c.target_id).where(*blocking)
