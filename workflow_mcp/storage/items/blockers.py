"""What items wait for: their own blockers, and those of their ancestors.

What blocks an item also blocks all below it, unless it is below that item itself: then it is part of the work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple, TypeVar

from sqlalchemy import Executable, bindparam, func, literal, select

from workflow_mcp.storage.items.rows import chunks, visible
from workflow_mcp.storage.tables import items, links
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.errors import MAX_SHOWN_IDS
from workflow_mcp.work.values import FINISHED, Item, ItemSummary

MAX_WAITS = 4  # one more than rows show

SummaryT = TypeVar("SummaryT", bound=ItemSummary)


class Blocker(NamedTuple):
    """One item that another one waits for.

    Attributes:
        item: the item that waits.
        distance: how many levels above it the blocked item is; 0 when the item itself is blocked.
        blocked: the item, or the ancestor of it, that is blocked.
        blocker: what has to be finished first.
    """

    item: int
    distance: int
    blocked: int
    blocker: int


def blockers_of(
    tx: Transaction, ids: Iterable[int], *, passed_on: bool = False, finished_too: bool = False
) -> list[Blocker]:
    """What these items wait for, the nearest first.

    Args:
        tx: the transaction.
        ids: the items.
        passed_on: only what others would wait for that are put below the items.
        finished_too: also what is finished or deleted.
    """
    lines = [row for some in chunks(sorted(set(ids))) for row in tx.all(_lines(), ids=some)]
    blockers = _blockers(tx, {row.id for row in lines}, finished_too=finished_too)
    found = [Blocker(row.item, row.distance, row.id, one) for row in lines for one in blockers[row.id]]
    own = [] if passed_on else [one for one in found if not one.distance]
    others = [one for one in found if passed_on or one.distance]
    above = ancestors_of(tx, {one.blocker for one in others})
    return [*own, *(one for one in others if one.blocked not in above[one.blocker])]


@cache
def _lines() -> Executable:
    """The items and all that is above each of them."""
    start = select(items.c.id.label("item"), items.c.id, items.c.parent_id, literal(0).label("distance"))
    above = start.where(in_project(items), items.c.id.in_(bindparam("ids", expanding=True))).cte(recursive=True)
    one = items.alias()
    step = select(above.c.item, one.c.id, one.c.parent_id, above.c.distance + 1)
    above = above.union_all(step.where(in_project(one), one.c.id == above.c.parent_id))
    return select(above.c.item, above.c.distance, above.c.id).order_by(above.c.item, above.c.distance)


def _blockers(tx: Transaction, ids: Iterable[int], *, finished_too: bool) -> defaultdict[int, list[int]]:
    # Without a join, which SQLite begins at the wrong end: at all links of the project, or all its open items.
    pairs = sorted((row.target_id, row.source_id) for some in chunks(sorted(ids)) for row in tx.all(_links(), ids=some))
    sources = {source for _, source in pairs}
    wanted = sources if finished_too else {one.id for one in visible(tx, sources) if one.state not in FINISHED}
    found = defaultdict[int, list[int]](list)
    for target, source in pairs:
        if source in wanted:
            found[target].append(source)
    return found


@cache
def _links() -> Executable:
    blocking = [in_project(links), links.c.target_id.in_(bindparam("ids", expanding=True)), links.c.kind == "blocks"]
    return select(links.c.target_id, links.c.source_id).where(*blocking)


class Waiting:
    """What those items of some wait for that are blocked.

    Args:
        tx: the transaction.
        items: the items, of which one may come several times.
    """

    def __init__(self, tx: Transaction, items: Iterable[ItemSummary]) -> None:
        blocked = sorted({one.id for one in items if one.blocked})
        self._blockers: defaultdict[int, list[Blocker]] = defaultdict(list)
        for one in blockers_of(tx, blocked) if blocked else ():
            self._blockers[one.item].append(one)
        self._children = _children(tx, blocked)

    def blockers(self, item: Item) -> dict[int, list[int]]:
        """The blockers that an item waits for, by what they block: the item, or one that is above it."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for one in self._blockers[item.id]:
            found[one.blocked].append(one.blocker)
        return found

    def children(self, item: Item) -> tuple[list[int], int]:
        """The first of the children that an item waits for, and how many there are."""
        return self._children[item.id], item.waits - len(self._blockers[item.id])

    def told(self, given: Iterable[SummaryT]) -> tuple[SummaryT, ...]:
        """The same items, of which those that are blocked name the first of what they wait for."""
        return tuple(replace(one, waits_for=self._first(one.id)) if one.blocked else one for one in given)

    def _first(self, item_id: int) -> tuple[int, ...]:
        awaited = [*(one.blocker for one in self._blockers[item_id]), *self._children[item_id]]
        return tuple(dict.fromkeys(awaited))[:MAX_WAITS]


def with_waits(tx: Transaction, given: Iterable[SummaryT]) -> tuple[SummaryT, ...]:
    """The same items, of which those that are blocked name the first of what they wait for: blockers, then children."""
    found = tuple(given)
    return Waiting(tx, found).told(found)


def _children(tx: Transaction, ids: Sequence[int]) -> defaultdict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for some in chunks(ids):
        for row in tx.all(_first_children(), ids=some):
            found[row.parent_id].append(row.id)
    return found


@cache
def _first_children() -> Executable:
    # The addition keeps SQLite from going through all items because their key is in this order.
    place = func.row_number().over(partition_by=items.c.parent_id, order_by=items.c.id + 0).label("place")
    unfinished = items.c.completed_at.is_(None), items.c.hidden_by == 0
    wanted = items.c.parent_id.in_(bindparam("ids", expanding=True))
    numbered = select(items.c.parent_id, items.c.id, place).where(in_project(items), wanted, *unfinished).subquery()
    statement = select(numbered.c.parent_id, numbered.c.id).where(numbered.c.place <= MAX_SHOWN_IDS)
    return statement.order_by(numbered.c.parent_id, numbered.c.id)


def ancestors_of(tx: Transaction, ids: Iterable[int]) -> dict[int, set[int]]:
    """The ids of all that is above each of these items."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for some in chunks(sorted(set(ids))):
        for row in tx.all(_ancestors(), ids=some):
            found[row.item].add(row.above)
    return found


@cache
def _ancestors() -> Executable:
    wanted = items.c.id.in_(bindparam("ids", expanding=True)), items.c.parent_id.is_not(None)
    found = select(items.c.id.label("item"), items.c.parent_id.label("above")).where(in_project(items), *wanted)
    above, one = found.cte(recursive=True), items.alias()
    step = select(above.c.item, one.c.parent_id).where(in_project(one), one.c.id == above.c.above)
    return select(above.union_all(step.where(one.c.parent_id.is_not(None))))


def descendants_of(tx: Transaction, ids: Iterable[int]) -> dict[int, list[int]]:
    """The ids of all that is below each of these items, deleted ones included."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for some in chunks(sorted(set(ids))):
        for row in tx.all(_descendants(), ids=some):
            found[row.item].append(row.below)
    return found


@cache
def _descendants() -> Executable:
    wanted = items.c.parent_id.in_(bindparam("ids", expanding=True))
    found = select(items.c.parent_id.label("item"), items.c.id.label("below")).where(in_project(items), wanted)
    below, one = found.cte(recursive=True), items.alias()
    step = select(below.c.item, one.c.id).where(in_project(one), one.c.parent_id == below.c.below)
    return select(below.union_all(step))


def inheriting(tx: Transaction, blocks: Sequence[tuple[int, int]]) -> list[int]:
    """The items that wait for a blocker because an ancestor does; an item is repeated for each pair.

    Args:
        tx: the transaction.
        blocks: blockers, each with the item that it blocks.
    """
    below = descendants_of(tx, [blocked for _, blocked in blocks])
    above = ancestors_of(tx, [blocker for blocker, blocked in blocks if blocked in below])
    pairs = [(blocker, blocked) for blocker, blocked in blocks if blocked not in above[blocker]]
    return [one for _, blocked in pairs for one in below[blocked]]
