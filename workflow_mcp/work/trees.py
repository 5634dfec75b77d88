"""Items below the parents that they have among themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from workflow_mcp.work.values import ItemPage, ItemSummary

INDENT = "  "


class Place(NamedTuple):
    """Where an item is in a tree.

    Attributes:
        id: the item.
        parent: the item that it is below; None at the top.
        depth: how many items it is below.
    """

    id: int
    parent: int | None
    depth: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A page of a tree: some items at its top, and what is below them.

    Attributes:
        places: where each item is, in the order of `depth_first`.
        page: the first items of `places`; its cursor leads to more items at the top.
    """

    places: tuple[Place, ...]
    page: ItemPage[ItemSummary]


def depth_first(parents: Mapping[int, int | None], top: int | None = None) -> list[Place]:
    """The places of items, each before what is below it; items below the same one are in the order given.

    Args:
        parents: the items, each with its parent; one that is not among them counts as none.
        top: leave out all but this item and what is below it.
    """
    below: defaultdict[int | None, list[int]] = defaultdict(list)
    for one, parent in parents.items():
        below[parent if parent in parents else None].append(one)
    found = []
    waiting = [Place(one, None, 0) for one in reversed(below[None] if top is None else [top])]
    while waiting:
        found.append(place := waiting.pop())
        waiting += [Place(one, place.id, place.depth + 1) for one in reversed(below[place.id])]
    return found
