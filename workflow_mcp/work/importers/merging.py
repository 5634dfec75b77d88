"""What a repeated import changes: what changed there since the last one and not here; what changed here is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from workflow_mcp.work.importers.values import SourceItem, SourceLink, SourceNote

# What is remembered of an item for the next import, as JSON; long texts as digests.
Snapshot = dict[str, Any]

CHOSEN: Final = ("title", "description", "item_type", "status", "priority", "assignee", "parent", "acceptance")
GATHERED: Final = ("labels", "links")


@dataclass(frozen=True, slots=True)
class Merge:
    """What to change of an item.

    Attributes:
        taken: the fields that get the value they have there.
        kept: the fields that changed there and here, and stay as they are here.
        added: what was added there to labels, links and notes.
        removed: what was removed there from labels and links.
    """

    taken: tuple[str, ...]
    kept: tuple[str, ...]
    added: Mapping[str, tuple[Any, ...]]
    removed: Mapping[str, tuple[Any, ...]]

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of all fields that change."""
        return (*self.taken, *(name for name, values in self.added.items() if values or self.removed.get(name)))


def snapshot_of(item: SourceItem, known: Collection[str]) -> Snapshot:
    """What is remembered of an item that is imported; of its relatives only those that are known here."""
    return {
        "title": item.title,
        "description": digest(item.description),
        "item_type": item.item_type,
        "status": item.status,
        "priority": item.priority,
        "assignee": item.assignee,
        "parent": item.parent if item.parent in known else None,
        "acceptance": [asdict(one) for one in item.acceptance],
        "labels": sorted(item.labels),
        "links": sorted(link_key(link) for link in item.links if link.other in known),
        "notes": sorted({note_key(note) for note in item.notes}),
    }


def digest(text: str) -> str:
    """A text of fixed length that tells a text from any other."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def link_key(link: SourceLink) -> list[str]:
    """A link as it is remembered."""
    return [link.relation, link.other]


def note_key(note: SourceNote) -> str:
    """A comment as it is remembered; who wrote what tells it from others."""
    return digest(f"{note.author}\n{note.text}")


def merge(base: Snapshot, there: Snapshot, here: Snapshot) -> Merge:
    """Compare an item as it was imported last, as it is there, and as it is here (of which notes are not asked)."""
    changed = [name for name in CHOSEN if there[name] not in (base.get(name), here[name])]
    taken = tuple(name for name in changed if here[name] == base.get(name))
    kept = tuple(name for name in changed if name not in taken)
    added = {name: _without(there[name], [*base.get(name, ()), *here[name]]) for name in GATHERED}
    added["notes"] = _without(there["notes"], base.get("notes", ()))
    gone = {name: _without(base.get(name, ()), there[name]) for name in GATHERED}
    removed = {name: tuple(one for one in values if one in here[name]) for name, values in gone.items()}
    return Merge(taken, kept, added, removed)


def _without(values: Iterable[Any], others: Collection[Any]) -> tuple[Any, ...]:
    return tuple(one for one in values if one not in others)
