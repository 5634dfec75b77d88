"""The transactions of an import: portions of items that are not there before the last of them ends the import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Executable, bindparam, select, update

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.rows import insert_items
from workflow_mcp.storage.origins.rows import add_origins, ids_of
from workflow_mcp.storage.tables import events, items, links, notes, requests
from workflow_mcp.storage.transactions import Transaction, stored_in_project
from workflow_mcp.storage.transfer.turn import PORTION, Turn, project_row
from workflow_mcp.work.records import EventRecord, ItemRecord, LinkRecord, NoteRecord, OriginRecord, Record
from workflow_mcp.work.results import ImportResult
from workflow_mcp.work.transfer import Outline
from workflow_mcp.work.values import Actor

_IDS_IN_EVENTS = ("parent", "to", "from", "with")


class Import:
    """One import into a project, in transactions that its methods are, called in the order they stand in.

    Each may be run again after a transaction that came to nothing.

    Args:
        outline: what is imported.
        actor: who imports it.
    """

    def __init__(self, outline: Outline, actor: Actor) -> None:
        self._outline = outline
        self._actor = actor
        self._waits = outline.waits()
        self.turn = Turn()
        self._new_ids: dict[int, int] = {}
        self._there: set[int] = set()
        self._later_parents: dict[int, int] = {}
        self._unnamed: set[int] = set()
        self._told_of: set[int] = set()

    def begin(self, tx: Transaction) -> bool:
        """Make this the only import into the project; False when the same file was imported before.

        Raises:
            WorkItemError: `IMPORT_RUNNING`.
        """
        if tx.first(_request(), request_id=self._request_id) is not None:
            return False
        self.turn.begin(tx)
        return True

    def reserve(self, tx: Transaction) -> None:
        """Take ids for all items: their own, unless one between the first and the last of them is taken.

        Then those keep their own that are beyond all there are. Either way no other item is among them.
        """
        self.turn.renew(tx)
        if not self._outline.parents:
            return
        low, high, next_id = min(self._outline.parents), max(self._outline.parents), project_row(tx).next_item_id
        fresh = max(next_id, high + 1)
        if tx.first(_any_between(), low=low, high=high) is not None:
            taken = [one for one in self._outline.parents if one < next_id]
            self._new_ids = {one: fresh + number for number, one in enumerate(taken)}
            low, high = max(low, next_id), fresh + len(taken) - 1
        self.turn.reserve(tx, low, high)

    def add(self, tx: Transaction, portion: Sequence[Record]) -> None:
        """Store a portion of the records."""
        self.turn.renew(tx)
        found = [record for record in portion if isinstance(record, ItemRecord)]
        self._there.update(record.id for record in found)
        own = {self._new(record.id): record.labels for record in found}
        insert_items(tx, [self._item_row(record) for record in found], own)
        self._add_origins(tx, {record.id: record.origin for record in found if record.origin is not None})
        tx.add(links, [self._link_row(record) for record in portion if isinstance(record, LinkRecord)])
        tx.add(notes, [self._note_row(record) for record in portion if isinstance(record, NoteRecord)])
        happened = [record for record in portion if isinstance(record, EventRecord)]
        self._told_of.update(record.item for record in happened)
        tx.add(events, [self._event_row(record) for record in happened])

    def _add_origins(self, tx: Transaction, origins: Mapping[int, OriginRecord]) -> None:
        taken = ids_of(tx, (origin.external_ref for origin in origins.values()))
        new = {one: origin for one, origin in origins.items() if origin.external_ref not in taken}
        self._unnamed |= {self._new(one) for one in origins.keys() - new.keys()}
        add_origins(
            tx, {self._new(one): (origin.external_ref, origin.imported.model_dump()) for one, origin in new.items()}
        )

    def complete(self, tx: Transaction, start: int) -> None:
        """Give the items of a portion, which begins at `start`, parents that came after them.

        An item whose events say all of it gets none of the import: what is exported again is the same.
        """
        self.turn.renew(tx)
        parents = islice(self._later_parents.items(), start, start + PORTION)
        tx.change(_set_parent(), [{"of_item": one, "new_parent": parent} for one, parent in parents])
        portion = islice(self._outline.parents, start, start + PORTION)
        untold = [one for one in portion if self._new(one) != one or one not in self._told_of]
        add_events(tx, self._actor, [(self._new(one), "imported", {"as": one}) for one in untold])

    def finish(self, tx: Transaction) -> ImportResult:
        """Let all items be there, at once."""
        self.turn.end(tx)
        done = {"request_id": self._request_id, "digest": self._outline.digest, "item_ids": [], "at": tx.now}
        tx.add(requests, [done])
        return ImportResult(len(self._outline.parents), self._new_ids, unnamed=tuple(sorted(self._unnamed)))

    @property
    def _request_id(self) -> str:
        return f"import {self._outline.digest}"

    def _new(self, item_id: int) -> int:
        return self._new_ids.get(item_id, item_id)

    def _item_row(self, record: ItemRecord) -> dict[str, Any]:
        item_id = self._new(record.id)
        parent = None if record.parent is None else self._new(record.parent)
        if record.parent is not None and record.parent not in self._there:
            self._later_parents[item_id] = self._new(record.parent)
            parent = None
        return {
            **record.model_dump(exclude={"kind", "labels", "parent", "origin"}),
            "id": item_id,
            "parent_id": parent,
            "hidden_by": self._new(record.hidden_by) if record.hidden_by else 0,
            "waits": self._waits[record.id],
        }

    def _link_row(self, record: LinkRecord) -> dict[str, Any]:
        return {"source_id": self._new(record.source), "target_id": self._new(record.target), "kind": record.link}

    def _note_row(self, record: NoteRecord) -> dict[str, Any]:
        return {"item_id": self._new(record.item), "at": record.at, "author": record.author, "text": record.text}

    def _event_row(self, record: EventRecord) -> dict[str, Any]:
        changes = _renumbered_changes(record.changes, self._new_ids)
        return {**record.model_dump(exclude={"kind", "item"}), "item_id": self._new(record.item), "changes": changes}


@cache
def _request() -> Executable:
    return select(requests.c.at).where(stored_in_project(requests), requests.c.request_id == bindparam("request_id"))


@cache
def _any_between() -> Executable:
    between = items.c.id.between(bindparam("low"), bindparam("high"))
    return select(items.c.id).where(stored_in_project(items), between).limit(1)


@cache
def _set_parent() -> Executable:
    statement = update(items).where(stored_in_project(items), items.c.id == bindparam("of_item"))
    return statement.values(parent_id=bindparam("new_parent"))


def _renumbered_changes(changes: Mapping[str, Any], new_ids: Mapping[int, int]) -> dict[str, Any]:
    ids = {name: _renumbered_value(value, new_ids) for name, value in changes.items() if name in _IDS_IN_EVENTS}
    return {**changes, **ids}


def _renumbered_value(value: Any, new_ids: Mapping[int, int]) -> Any:
    if isinstance(value, list):
        return [_renumbered_value(one, new_ids) for one in value]
    return new_ids.get(value, value) if isinstance(value, int) else value
