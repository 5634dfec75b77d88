"""By which name another program knows an imported item, and what it said of it when it was imported last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, bindparam, select, update

from workflow_mcp.storage.items.rows import chunks
from workflow_mcp.storage.tables import items, origins
from workflow_mcp.storage.transactions import Transaction, in_project


def add_origins(tx: Transaction, imported: Mapping[int, tuple[str, Mapping[str, Any]]]) -> None:
    """Remember for items, by id, their `external_ref` and what was imported."""
    rows = [{"item_id": one, "external_ref": ref, "imported": what} for one, (ref, what) in imported.items()]
    tx.add(origins, rows)


def change_origins(tx: Transaction, imported: Mapping[int, Mapping[str, Any]]) -> None:
    """Remember what was imported of items, by id, that have an `external_ref` already."""
    tx.change(_change(), [{"of_item": one, "new": what} for one, what in imported.items()])


def imported_column() -> ColumnElement[Any]:
    """What was imported of an item, as a column of a statement on `items`."""
    of_item = (origins.c.project_id == items.c.project_id, origins.c.item_id == items.c.id)
    return select(origins.c.imported).where(*of_item).correlate(items).scalar_subquery().label("imported")


def ids_of(tx: Transaction, refs: Iterable[str]) -> dict[str, int]:
    """The items that are known by these names; deleted ones too."""
    rows = (row for some in chunks(sorted(set(refs))) for row in tx.all(_by_ref(), refs=some))
    return {row.external_ref: row.item_id for row in rows}


def imported_of(tx: Transaction, ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """What was imported of these items, by id."""
    return {one: row.imported for one, row in _of_items(tx, ids).items()}


def names_of(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """The `external_ref` of each of these items that has one."""
    return {one: row.external_ref for one, row in _of_items(tx, ids).items()}


def _of_items(tx: Transaction, ids: Iterable[int]) -> dict[int, Any]:
    rows = (row for some in chunks(sorted(set(ids))) for row in tx.all(_by_item(), ids=some))
    return {row.item_id: row for row in rows}


@cache
def _by_ref() -> Executable:
    wanted = origins.c.external_ref.in_(bindparam("refs", expanding=True))
    return select(origins.c.external_ref, origins.c.item_id).where(in_project(origins), wanted)


@cache
def _by_item() -> Executable:
    return select(origins).where(in_project(origins), origins.c.item_id.in_(bindparam("ids", expanding=True)))


@cache
def _change() -> Executable:
    statement = update(origins).where(in_project(origins), origins.c.item_id == bindparam("of_item"))
    return statement.values(imported=bindparam("new", type_=origins.c.imported.type))
