"""Importing records into a project; ids that are already taken are replaced, also in references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, update

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.rows import fetch_rows, insert_items, take_ids
from workflow_mcp.storage.tables import events, links, notes, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction
from workflow_mcp.work.results import ImportResult
from workflow_mcp.work.transfer import Records, waits_of
from workflow_mcp.work.values import Actor

_IDS_IN_EVENTS = ("parent", "to", "from", "with")


def import_records(tx: Transaction, found: Records, actor: Actor) -> ImportResult:
    """Add the records to the project."""
    if not found.items:
        return ImportResult(0, {})
    new_ids = _new_ids(tx, found)
    waits = waits_of(found)
    rows = [
        {
            **row,
            "id": new_ids[item_id],
            "parent_id": new_ids.get(row["parent_id"]),
            "hidden_by": new_ids.get(row["hidden_by"], 0),
            "waits": waits[item_id],
        }
        for item_id, row in found.items.items()
    ]
    insert_items(tx, rows, {new_ids[one]: names for one, names in found.labels.items()})
    tx.add(links, [_renumbered(row, new_ids, "source_id", "target_id") for row in found.links])
    tx.add(notes, [_renumbered(row, new_ids, "item_id") for row in found.notes])
    past = [_renumbered(row, new_ids, "item_id") for row in found.events]
    tx.add(events, [{**row, "changes": _renumbered_changes(row["changes"], new_ids)} for row in past])
    add_events(tx, actor, [(new, "imported", {"as": old}) for old, new in new_ids.items()])
    return ImportResult(len(rows), {old: new for old, new in new_ids.items() if old != new})


def _new_ids(tx: Transaction, found: Records) -> dict[int, int]:
    # Rows are never removed, so an id that no row has was never given out.
    taken = (fetch_rows(tx, found.items)).keys()
    _raise_next_id(tx, max(found.items) + 1)
    fresh = iter(take_ids(tx, len(taken)))
    return {item_id: next(fresh) if item_id in taken else item_id for item_id in found.items}


def _raise_next_id(tx: Transaction, to: int) -> None:
    next_id = projects.c.next_item_id
    statement = update(projects).where(projects.c.id == bindparam(PROJECT_PARAMETER), next_id < bindparam("to"))
    tx.change(statement.values(next_item_id=bindparam("to")), [{"to": to}])


def _renumbered(row: Mapping[str, Any], new_ids: Mapping[int, int], *names: str) -> dict[str, Any]:
    return {**row, **{name: new_ids[row[name]] for name in names}}


def _renumbered_changes(changes: Mapping[str, Any], new_ids: Mapping[int, int]) -> dict[str, Any]:
    ids = {name: _renumbered_value(value, new_ids) for name, value in changes.items() if name in _IDS_IN_EVENTS}
    return {**changes, **ids}


def _renumbered_value(value: Any, new_ids: Mapping[int, int]) -> Any:
    if isinstance(value, list):
        return [_renumbered_value(one, new_ids) for one in value]
    return new_ids.get(value, value) if isinstance(value, int) else value
