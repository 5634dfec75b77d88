"""How many unfinished blockers and children each item waits for, updated in each transaction.

An item's `waits` is the number of visible unfinished items that block it or an ancestor of it, or are its children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import Executable, bindparam, select, update

from workflow_mcp.storage.items.blockers import inheriting
from workflow_mcp.storage.items.rows import chunks, visible
from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.values import ItemSummary


class Waits:
    """Collects the changes to the waits of items, and writes them once."""

    def __init__(self) -> None:
        self._changes: Counter[int] = Counter()
        self._reopened: set[int] = set()

    def add(self, item_id: int | None, by: int) -> None:
        """Add `by` to the waits of an item; does nothing for None."""
        if item_id is not None:
            self._changes[item_id] += by

    def change_of(self, item_id: int) -> int:
        """The change to the waits of an item."""
        return self._changes[item_id]

    def completion_changed(self, tx: Transaction, parents: Mapping[int, int | None], by: int) -> None:
        """Add `by` to the waits of all items that wait for these.

        Args:
            tx: the transaction.
            parents: the items that were finished or reopened, each with its parent.
            by: -1 when they were finished, 1 when they were reopened.
        """
        for parent in parents.values():
            self.add(parent, by)
        self.add_blocks(tx, blocks_by(tx, parents), by)

    def add_blocks(self, tx: Transaction, blocks: Sequence[tuple[int, int]], by: int) -> None:
        """Add `by` to the waits of all that wait for a blocker, because of what it blocks.

        Args:
            tx: the transaction.
            blocks: blockers, each with the item that it blocks.
            by: 1 or -1.
        """
        for one in [*(blocked for _, blocked in blocks), *inheriting(tx, blocks)]:
            self.add(one, by)

    def reopened(self, item_id: int) -> None:
        """Include an item in what `write` checks for readiness, although its waits have not changed."""
        self._reopened.add(item_id)

    def write(self, tx: Transaction) -> tuple[ItemSummary, ...]:
        """Write the changes, and return the items that became ready, in the order of their ids."""
        changes = {item_id: by for item_id, by in self._changes.items() if by}
        tx.change(_shift(), [{"of_item": one, "by": by} for one, by in changes.items()])
        freed = {item_id for item_id, by in changes.items() if by < 0} | self._reopened
        return tuple(item for item in visible(tx, freed) if item.ready)


@cache
def _shift() -> Executable:
    statement = update(items).where(in_project(items), items.c.id == bindparam("of_item"))
    return statement.values(waits=items.c.waits + bindparam("by"))


def blocks_by(tx: Transaction, blockers: Iterable[int]) -> list[tuple[int, int]]:
    """These blockers, each with every item that it blocks."""
    rows = [row for ids in chunks(list(blockers)) for row in tx.all(_blocks_by(), ids=ids)]
    return [(row.source_id, row.target_id) for row in rows]


@cache
def _blocks_by() -> Executable:
    blocking = [in_project(links), links.c.source_id.in_(bindparam("ids", expanding=True)), links.c.kind == "blocks"]
    return select(links.c.source_id, links.c.target_id).where(*blocking)
