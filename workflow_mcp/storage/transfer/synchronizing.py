"""The transactions of an import from another program: what is new is added, what is known is brought up to date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.rows import insert_items
from workflow_mcp.storage.origins.rows import add_origins, ids_of
from workflow_mcp.storage.tables import links, notes
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.storage.transfer.merges import Known, apply_merges, known_items
from workflow_mcp.storage.transfer.turn import Turn, project_row
from workflow_mcp.work.importers.merging import snapshot_of
from workflow_mcp.work.importers.records import outline_of, records_of
from workflow_mcp.work.importers.values import SourceItem
from workflow_mcp.work.records import ItemRecord, LinkRecord, NoteRecord, Record
from workflow_mcp.work.results import Arrival
from workflow_mcp.work.transfer import portions
from workflow_mcp.work.values import Actor


class Synchronization:
    """One import of another program's items, in transactions that its methods are, called in the order they stand in.

    New items are added in portions that nobody sees. The last transaction shows them, brings those that are known up
    to date and links the ones with the others, so that all of it is there at once. Each method may be run again after a
    transaction that came to nothing.

    Args:
        items: parents before their children.
        actor: who imports them.
    """

    def __init__(self, items: Sequence[SourceItem], actor: Actor) -> None:
        self._items = items
        self._actor = actor
        self._ids: dict[str, int] = {}
        self._new: dict[str, int] = {}
        self._waits: Counter[int] = Counter()
        self.turn = Turn()

    def begin(self, tx: Transaction) -> None:
        """Make this the only import into the project.

        Raises:
            WorkItemError: `IMPORT_RUNNING`.
        """
        self.turn.begin(tx)

    def reserve(self, tx: Transaction) -> None:
        """Find which items are known, and take ids for the others."""
        self.turn.renew(tx)
        self._ids = ids_of(tx, _refs(self._items))
        new = [item for item in self._items if item.external_ref not in self._ids]
        first = project_row(tx).next_item_id
        self._new = {item.external_ref: first + number for number, item in enumerate(new)}
        if new:
            self.turn.reserve(tx, first, first + len(new) - 1)

    def new_items(self) -> list[SourceItem]:
        """The items that were not known when ids were reserved."""
        return [item for item in self._items if item.external_ref in self._new]

    def portions(self) -> Iterator[list[Record]]:
        """The records of the new items."""
        records = list(records_of(self.new_items(), self._new))
        self._waits = outline_of(records).waits()
        return portions(records)

    def add(self, tx: Transaction, portion: Sequence[Record]) -> None:
        """Store a portion of the new items."""
        self.turn.renew(tx)
        found = [record for record in portion if isinstance(record, ItemRecord)]
        rows = [{**_columns(record), "waits": self._waits[record.id]} for record in found]
        insert_items(tx, rows, {record.id: record.labels for record in found})
        tx.add(notes, [_note_row(record) for record in portion if isinstance(record, NoteRecord)])
        tx.add(links, [_link_row(record) for record in portion if isinstance(record, LinkRecord)])

    def complete(self, tx: Transaction, some: Sequence[SourceItem]) -> None:
        """Remember where some of the new items come from."""
        self.turn.renew(tx)
        new = {self._new[item.external_ref]: item for item in some}
        add_origins(tx, {one: (item.external_ref, snapshot_of(item, self._new)) for one, item in new.items()})
        told = [(one, "imported", {"external_ref": [None, item.external_ref]}) for one, item in new.items()]
        add_events(tx, self._actor, told)

    def finish(self, tx: Transaction) -> tuple[Arrival, ...]:
        """Let all be there, at once."""
        self.turn.end(tx)
        ids = self._ids | self._new
        known = {one.row.id: one for one in known_items(tx, self._related(), ids, lock=True)}
        apply_merges(tx, [one for one in known.values() if one.there != one.base], ids, self._actor)
        arrivals = (self._arrival(item, known.get(ids[item.external_ref])) for item in self._items)
        return tuple(_with_missing(one, ids) for one in arrivals)

    def _related(self) -> Iterator[SourceItem]:
        # The new items were stored without what relates them to known ones.
        return (
            item
            for item in self._items
            if item.external_ref in self._ids or not self._ids.keys().isdisjoint(item.relatives)
        )

    def _arrival(self, item: SourceItem, known: Known | None) -> Arrival:
        if item.external_ref in self._new:
            return Arrival(item, "new", self._new[item.external_ref], kept=known.refused if known else {})
        return known.arrival if known else Arrival(item, "unchanged")


def foreseen(tx: Transaction, items: Sequence[SourceItem]) -> tuple[Arrival, ...]:
    """What an import of these items would make of each, as far as can be told without it."""
    # No item has the number 0, which stands for those to come.
    ids = dict.fromkeys((item.external_ref for item in items), 0) | ids_of(tx, _refs(items))
    known = {one.item.external_ref: one.arrival for one in known_items(tx, items, ids)}
    arrivals = (known.get(item.external_ref) or Arrival(item, "new") for item in items)
    return tuple(_with_missing(one, ids) for one in arrivals)


def _with_missing(arrival: Arrival, known: Container[str]) -> Arrival:
    return replace(arrival, missing=tuple(ref for ref in arrival.item.relatives if ref not in known))


def _refs(items: Sequence[SourceItem]) -> set[str]:
    return {item.external_ref for item in items}.union(*(item.relatives for item in items))


def _columns(record: ItemRecord) -> dict[str, object]:
    return {**record.model_dump(exclude={"kind", "labels", "parent", "origin"}), "parent_id": record.parent}


def _note_row(record: NoteRecord) -> dict[str, object]:
    return {"item_id": record.item, "at": record.at, "author": record.author, "text": record.text}


def _link_row(record: LinkRecord) -> dict[str, object]:
    return {"source_id": record.source, "target_id": record.target, "kind": record.link}
