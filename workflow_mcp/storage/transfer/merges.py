"""Bringing items that were imported before up to date with what the other program says now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from workflow_mcp.errors import WorkItemError
from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.moving import move
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.rows import chunks, fetch_rows, labels_of
from workflow_mcp.storage.items.writing import add_waits, write_changes
from workflow_mcp.storage.links.linking import link
from workflow_mcp.storage.origins.rows import change_origins, ids_of, imported_of
from workflow_mcp.storage.origins.snapshots import snapshots_of
from workflow_mcp.storage.tables import notes
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.importers.merging import Merge, Snapshot, merge, note_key, snapshot_of
from workflow_mcp.work.importers.records import ends_of
from workflow_mcp.work.importers.values import SourceItem
from workflow_mcp.work.results import Arrival
from workflow_mcp.work.transitions import Change, changed_fields
from workflow_mcp.work.validation import MAX_LABELS
from workflow_mcp.work.values import Actor


@dataclass(slots=True)
class Known:
    """An item that is here, and what came of it there.

    Attributes:
        row: as it is here.
        base: what was imported of it last.
        there: what it is there now.
        refused: the fields that could not be taken over, and why.
        parent: what its parent has become, where that changed there.
    """

    item: SourceItem
    row: Row[Any]
    base: Snapshot
    there: Snapshot
    merge: Merge
    refused: dict[str, str] = field(default_factory=dict)
    parent: int | None = None

    @property
    def arrival(self) -> Arrival:
        """What came of it."""
        if self.row.hidden_by:
            return Arrival(self.item, "deleted", self.row.id)
        changed = tuple(name for name in self.merge.changed if name not in self.refused)
        kept = dict.fromkeys(self.merge.kept, "it changed here too") | self.refused
        return Arrival(self.item, "updated" if changed else "unchanged", self.row.id, changed, kept)


def known_items(
    tx: Transaction, items: Iterable[SourceItem], ids: Mapping[str, int], *, lock: bool = False
) -> Iterator[Known]:
    """Those of the items that are here, in their order, each compared; with `lock`, locked against other writers."""
    by_id = {ids[item.external_ref]: item for item in items if item.external_ref in ids}
    for some in chunks(list(by_id)):
        rows = fetch_rows(tx, some, lock=lock)
        here, bases = snapshots_of(tx, rows), imported_of(tx, rows)
        for one in (one for one in some if one in rows):
            there = snapshot_of(by_id[one], ids)
            yield Known(by_id[one], rows[one], dict(bases[one]), there, merge(dict(bases[one]), there, here[one]))


def apply_merges(tx: Transaction, known: Sequence[Known], ids: Mapping[str, int], actor: Actor) -> None:
    """Change items as their merges say; what cannot be changed is `refused`, and tried again by the next import."""
    visible = [one for one in known if not one.row.hidden_by]
    # What an item was related to need not be in this import at all.
    formerly = {other for one in visible for _, other in one.merge.removed["links"]}
    _Merging(tx, {**ids_of(tx, formerly), **ids}, actor).run(visible)


class _Merging:
    def __init__(self, tx: Transaction, ids: Mapping[str, int], actor: Actor) -> None:
        self._tx = tx
        self._ids = ids
        self._actor = actor

    def run(self, known: Sequence[Known]) -> None:
        # What is gone there is gone before what is new is looked at: both together could be a circle.
        for one in known:
            self._remove_links(one)
        waits = Waits()
        self._move([one for one in known if "parent" in one.merge.taken], waits)
        rows = {one.row.id: one.row for one in known}
        changes = {one.row.id: self._change_of(one) for one in known}
        write_changes(self._tx, rows, changes)
        add_waits(self._tx, rows, changes, waits)
        waits.write(self._tx)
        self._add_notes(known)
        told = [(one, "imported", change.changed_fields) for one, change in changes.items() if change]
        add_events(self._tx, self._actor, told)
        for one in known:
            self._add_links(one)
        change_origins(self._tx, {one.row.id: _remembered(one) for one in known})

    def _move(self, known: Sequence[Known], waits: Waits) -> None:
        for one in known:
            with suppress(WorkItemError):  # then it stays where it is until it is moved further
                move(self._tx, one.row.id, None, waits)
        for one in known:
            for parent in (self._ids.get(one.item.parent or ""), one.row.parent_id, None):
                try:
                    move(self._tx, one.row.id, parent, waits)
                except WorkItemError as error:
                    one.refused.setdefault("parent", error.message.rstrip("."))
                else:
                    one.parent = parent
                    break

    def _change_of(self, one: Known) -> Change:
        values = _values(one)
        labels = _labels(one)
        changed = changed_fields(one.row, values)
        if labels is not None:
            changed["labels"] = [labels_of(one.row), list(labels)]
        if one.merge.added["notes"]:
            changed["note"] = [None, f"{len(one.merge.added['notes'])} comments"]
        return Change(values, labels, changed, "imported")

    def _add_notes(self, known: Sequence[Known]) -> None:
        new = [(one, note) for one in known for note in one.item.notes if note_key(note) in one.merge.added["notes"]]
        self._tx.add(
            notes,
            [{"item_id": one.row.id, "at": note.at, "author": note.author, "text": note.text} for one, note in new],
        )

    def _add_links(self, one: Known) -> None:
        for relation, other in one.merge.added["links"]:
            self._link(one, relation, self._ids[other])

    def _remove_links(self, one: Known) -> None:
        for relation, other in one.merge.removed["links"]:
            self._link(one, relation, self._ids[other], remove=True)

    def _link(self, one: Known, relation: str, other: int, *, remove: bool = False) -> None:
        source, target, kind = ends_of(one.row.id, relation, other)
        try:
            link(self._tx, source, target, kind, self._actor, remove=remove)
        except WorkItemError as error:
            one.refused["links"] = error.message.rstrip(".")


def _values(one: Known) -> dict[str, Any]:
    values = {name: getattr(one.item, name) for name in one.merge.taken if name not in ("parent", "acceptance")}
    if "acceptance" in one.merge.taken:
        values["acceptance"] = one.there["acceptance"]
    if "parent" in one.merge.taken:
        values["parent_id"] = one.parent
    if "status" in values:
        values["completed_at"] = one.item.completed_at
    if {"status", "assignee"} & values.keys() and one.row.claim_expires_at is not None:
        values["claim_expires_at"] = values["lease_seconds"] = None
    return {name: value for name, value in values.items() if getattr(one.row, name) != value}


def _labels(one: Known) -> tuple[str, ...] | None:
    labels = set(labels_of(one.row))
    wanted = sorted((labels | set(one.merge.added["labels"])) - set(one.merge.removed["labels"]))
    if len(wanted) > MAX_LABELS:
        one.refused["labels"] = f"it would have more than {MAX_LABELS}"
        return None
    return None if set(wanted) == labels else tuple(wanted)


def _remembered(one: Known) -> Snapshot:
    return one.there | {name: one.base.get(name) for name in one.refused}
