"""A batch of new items that refer to each other, with its refs resolved and its structure checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workflow_mcp.errors import shown
from workflow_mcp.work import errors
from workflow_mcp.work.graph import MAX_DEPTH, cycle_in
from workflow_mcp.work.validation import check_batch, check_ids, check_new, parse_id
from workflow_mcp.work.values import NewItem


@dataclass(frozen=True, slots=True)
class BatchIndex:
    """The position of an item within its batch, counted from 0."""

    index: int


Target = int | BatchIndex


@dataclass(frozen=True, slots=True)
class Planned:
    """An item to create; its references are ids of existing items or positions in the batch."""

    item: NewItem
    parent: Target | None
    depends_on: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch that is consistent by itself."""

    entries: tuple[Planned, ...]

    @property
    def outer_parents(self) -> set[int]:
        """The existing items that get children."""
        return {entry.parent for entry in self.entries if isinstance(entry.parent, int)}

    @property
    def outer_blockers(self) -> set[int]:
        """The existing items that new ones depend on."""
        return {one for entry in self.entries for one in entry.depends_on if isinstance(one, int)}

    def depth_below(self, outer: int | None) -> int:
        """How many levels of new items are below an existing item, or, for None, below no item."""
        return max((self._depth(n) for n, entry in enumerate(self.entries) if self.root(n) == outer), default=0)

    def inherited(self, index: int) -> list[Target]:
        """What an item waits for because another one of the batch, above it, does; once for each."""
        return [one for above in self._above(index) for one in self._outside(above)]

    def _outside(self, index: int) -> list[Target]:
        """What an item depends on that is not below it."""
        depends_on = self.entries[index].depends_on
        return [one for one in depends_on if isinstance(one, int) or index not in self._above(one.index)]

    def _above(self, index: int) -> list[int]:
        above = self._parent_index(index)
        return [] if above is None else [above, *self._above(above)]

    def root(self, index: int) -> int | None:
        """The existing item that an item of the batch is put below, directly or not; None when there is none."""
        parent = self.entries[[index, *self._above(index)][-1]].parent
        return parent if isinstance(parent, int) else None

    def _parent_index(self, index: int) -> int | None:
        parent = self.entries[index].parent
        return parent.index if isinstance(parent, BatchIndex) else None

    def _depth(self, index: int) -> int:
        return 1 + len(self._above(index))


def make_plan(given: Sequence[NewItem]) -> Plan:
    """Check a batch of items and resolve its refs.

    Raises:
        WorkItemError: `ITEM_INVALID`, `ITEM_CYCLE`, `ITEM_TOO_DEEP`; `ITEM_NOT_FOUND` for what cannot be an id.
    """
    check_batch("items", len(given))
    for index, item in enumerate(given):
        check_new(f"items[{index}]", item)
    refs = _refs(given)
    plan = Plan(tuple(_planned(index, item, refs) for index, item in enumerate(given)))
    check_ids(plan.outer_parents | plan.outer_blockers)
    _check_cycles(plan)
    if plan.depth_below(None) > MAX_DEPTH:
        raise errors.too_deep("this plan", MAX_DEPTH)
    return plan


def _refs(given: Sequence[NewItem]) -> dict[str, BatchIndex]:
    refs: dict[str, BatchIndex] = {}
    for index, item in enumerate(given):
        if item.ref is None:
            continue
        if item.ref in refs:
            raise errors.invalid(f"items[{index}].ref {shown(item.ref)} is given twice.")
        refs[item.ref] = BatchIndex(index)
    return refs


def _planned(index: int, item: NewItem, refs: dict[str, BatchIndex]) -> Planned:
    parent = None if item.parent is None else _target(f"items[{index}].parent", item.parent, refs)
    targets = (_target(f"items[{index}].depends_on", one, refs) for one in item.depends_on)
    return Planned(item, parent, tuple(dict.fromkeys(targets)))


def _target(where: str, given: int | str, refs: dict[str, BatchIndex]) -> Target:
    if isinstance(given, int):
        return given
    if given in refs:
        return refs[given]
    item_id = parse_id(given)
    if item_id is not None:
        return item_id
    raise errors.invalid(f"{where} {shown(given)} is neither an id nor the ref of an item in this call.")


def _check_cycles(plan: Plan) -> None:
    waits: dict[int, list[int]] = {index: [] for index in range(len(plan.entries))}
    for index, entry in enumerate(plan.entries):
        waits[index] += [one.index for one in entry.depends_on if isinstance(one, BatchIndex)]
        if isinstance(entry.parent, BatchIndex):
            waits[entry.parent.index].append(index)
    _refuse_cycle(plan, waits)
    for index in waits:
        waits[index] += [one.index for one in plan.inherited(index) if isinstance(one, BatchIndex)]
    _refuse_cycle(plan, waits)


def _refuse_cycle(plan: Plan, waits: Mapping[int, Iterable[int]]) -> None:
    found = cycle_in(waits)
    if found:
        raise errors.cycle(f"in this plan, {_named(plan, found)} depend on or contain each other")


def _named(plan: Plan, indices: Iterable[int]) -> str:
    return ", ".join(f"items[{one}] {shown(plan.entries[one].item.title)}" for one in indices)
