"""The records of an export as what there is: items below each other, with what they wait for and their notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow_mcp.work.trees import depth_first

Record = Mapping[str, Any]


@dataclass(slots=True)
class Snapshot:
    """A project without what was deleted.

    Attributes:
        name: the project's name.
        items: its items by id.
        waits_for: the ids of the items that each one waits for, or waited.
        links: the links, those that say what waits for what included.
        notes: the notes on each item, oldest first.
    """

    name: str = ""
    items: dict[int, Record] = field(default_factory=dict)
    waits_for: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    links: list[Record] = field(default_factory=list)
    notes: defaultdict[int, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def add(self, record: Record) -> None:
        """Take the next record of an export."""
        match record["kind"]:
            case "project":
                self.name = record["name"]
            case "item" if not record["hidden_by"]:
                self.items[record["id"]] = record
            case "link" if record["source"] in self.items and record["target"] in self.items:
                self.links.append(record)
                if record["link"] == "blocks":
                    self.waits_for[record["target"]].append(record["source"])
            case "note" if record["item"] in self.items:
                self.notes[record["item"]].append(record)

    def rows(self) -> Iterator[tuple[int, Record]]:
        """All items, each with its depth and before those below it, in the order of their ids."""
        for place in depth_first({item["id"]: item["parent"] for item in self.items.values()}):
            yield place.depth, self.items[place.id]


def snapshot_of(records: Iterable[Record]) -> Snapshot:
    """What an export holds."""
    snapshot = Snapshot()
    for record in records:
        snapshot.add(record)
    return snapshot
