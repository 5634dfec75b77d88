"""One work item with all that belongs to it: notes, events, links and relatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflow_mcp.work.values import Item, ItemSummary


@dataclass(frozen=True, slots=True)
class Note:
    """A note on an item; the notes of an item are numbered from 1 and never changed."""

    number: int
    at: datetime
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """One change of an item: `changes` maps fields to [old, new]; `number` counts an item's events from 1."""

    number: int
    at: datetime
    actor: str
    directory: str
    action: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Linked:
    """A link of an item to another one.

    Attributes:
        kind: the kind of link.
        outgoing: whether the link goes from the item to the other, as in "this item blocks `item`".
        item: the other item.
    """

    kind: str
    outgoing: bool
    item: ItemSummary


@dataclass(frozen=True, slots=True)
class Briefing:
    """What whoever begins an item has to know besides the item itself.

    Attributes:
        parent: what it is a part of; None for a top-level item.
        blockers: finished items that it waited for, each with its last note; the last that was finished first.
        notes: its own last ones, in which its last holder may have left word; oldest first.
    """

    parent: ItemSummary | None
    blockers: tuple[tuple[ItemSummary, Note], ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """One item with its relatives, links, notes and events; long lists are cut, the counts are complete.

    Attributes:
        ancestors: from the top-level item down to its parent.
        not_ready: why it cannot be claimed now, a sentence each; empty when it can.
    """

    item: Item
    ancestors: tuple[ItemSummary, ...]
    children: tuple[ItemSummary, ...]
    children_count: int
    links: tuple[Linked, ...]
    links_count: int
    notes: tuple[Note, ...]
    events: tuple[Event, ...]
    not_ready: tuple[str, ...]
