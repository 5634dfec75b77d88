"""Rows of work items: reading them as values, finding them by id, writing new ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from sqlalchemy import Executable, Row, Select, bindparam, func, select, update

from workflow_mcp.storage.tables import item_texts, items, labels, origins, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction, in_project
from workflow_mcp.work import errors
from workflow_mcp.work.evidence import criteria_in
from workflow_mcp.work.values import Criterion, Item, ItemSummary, NewItem

T = TypeVar("T")

# Labels are one line, so this cannot be part of one.
LABEL_SEPARATOR = "\n"
CHUNK = 500

_labels = (
    select(func.aggregate_strings(labels.c.label, LABEL_SEPARATOR))
    .where(labels.c.project_id == items.c.project_id, labels.c.item_id == items.c.id)
    .correlate(items)
    .scalar_subquery()
    .label("labels")
)

_external_ref = (
    select(origins.c.external_ref)
    .where(origins.c.project_id == items.c.project_id, origins.c.item_id == items.c.id)
    .correlate(items)
    .scalar_subquery()
    .label("external_ref")
)

item_columns = select(items, _labels, _external_ref)
summary_columns = select(
    items.c.id,
    items.c.title,
    items.c.item_type,
    items.c.status,
    items.c.priority,
    items.c.assignee,
    items.c.claim_expires_at,
    items.c.waits,
    items.c.hidden_by,
)


SUMMARY = len(summary_columns.selected_columns)


def to_summary(row: Row[Any], now: datetime) -> ItemSummary:
    """The summary, at a time, in a row that begins with `summary_columns`."""
    item_id, title, item_type, status, priority, assignee, claim_expires_at, waits, hidden_by = row[:SUMMARY]
    state = "deleted" if hidden_by else state_of(status, claim_expires_at, waits, now)
    left = lease_left(status, claim_expires_at, now)
    return ItemSummary(item_id, title, item_type, state, priority, assignee, lease_left=left)


def lease_left(status: str, claim_expires_at: datetime | None, now: datetime) -> timedelta | None:
    """How long a claim still runs; None without one."""
    runs = status == "in_progress" and claim_expires_at is not None and claim_expires_at > now
    return claim_expires_at - now if runs and claim_expires_at is not None else None


def to_item(row: Row[Any], now: datetime) -> Item:
    """The item, at a time, in a row of `item_columns`."""
    return Item(
        id=row.id,
        title=row.title,
        description=row.description,
        item_type=row.item_type,
        status=row.status,
        state="deleted" if row.hidden_by else state_of(row.status, row.claim_expires_at, row.waits, now),
        priority=row.priority,
        labels=tuple(labels_of(row)),
        parent=row.parent_id,
        assignee=row.assignee,
        lease_left=lease_left(row.status, row.claim_expires_at, now),
        claim_expires_at=row.claim_expires_at,
        version=row.version,
        waits=row.waits,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        created_by=row.created_by,
        acceptance=criteria_in(row.acceptance),
        evidence=tuple(row.evidence),
        external_ref=row.external_ref,
        deleted=row.hidden_by != 0,
    )


def labels_of(row: Row[Any]) -> list[str]:
    """The labels in a row of `item_columns`, sorted."""
    return sorted(row.labels.split(LABEL_SEPARATOR)) if row.labels else []


def chunks(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """The keys of rows, as many at a time as fit into one statement."""
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))


def state_of(status: str, claim_expires_at: datetime | None, waits: int, now: datetime) -> str:
    """The status, except that pending items, and those whose claim has expired, are `ready` or `blocked`."""
    expired = status == "in_progress" and claim_expires_at is not None and claim_expires_at <= now
    if status == "pending" or expired:
        return "blocked" if waits else "ready"
    return status


def fetch_rows(tx: Transaction, ids: Iterable[int], *, lock: bool = False) -> dict[int, Row[Any]]:
    """The project's rows with these ids, deleted ones included; with `lock`, locked against other writers."""
    found: dict[int, Row[Any]] = {}
    for some in chunks(sorted(set(ids))):
        rows = tx.all(_by_ids(lock=lock), ids=some)
        found |= {row.id: row for row in rows}
    return found


@cache
def _by_ids(*, lock: bool) -> Select[Any]:
    statement = item_columns.where(in_project(items), items.c.id.in_(bindparam("ids", expanding=True)))
    return statement.with_for_update(of=items) if lock else statement


def fetch_items(tx: Transaction, ids: Sequence[int]) -> tuple[Item, ...]:
    """The project's items with these ids, in that order; unknown ids are left out."""
    rows = fetch_rows(tx, ids)
    return tuple(to_item(rows[one], tx.now) for one in ids if one in rows)


def require_rows(tx: Transaction, ids: Iterable[int], *, lock: bool = False) -> dict[int, Row[Any]]:
    """The project's visible rows with these ids.

    Raises:
        WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`.
    """
    wanted = list(ids)
    rows = fetch_rows(tx, wanted, lock=lock)
    missing = [one for one in wanted if one not in rows]
    if missing:
        raise errors.not_found(missing)
    for one in wanted:
        if rows[one].hidden_by:
            raise errors.deleted(one)
    return rows


def visible(tx: Transaction, ids: Iterable[int]) -> list[ItemSummary]:
    """Summaries of those of some items that are not deleted, in the order of their ids."""
    rows = [row for some in chunks(sorted(set(ids))) for row in tx.all(_visible(), ids=some)]
    return [to_summary(row, tx.now) for row in rows]


@cache
def _visible() -> Executable:
    wanted = items.c.id.in_(bindparam("ids", expanding=True))
    return summary_columns.where(in_project(items), wanted, items.c.hidden_by == 0).order_by(items.c.id)


def take_ids(tx: Transaction, count: int) -> range:
    """New ids, which were never used before."""
    row = tx.first(_take(), count=count)
    end = int(row[0]) if row is not None else count
    return range(end - count, end)


@cache
def _take() -> Executable:
    taken = projects.c.next_item_id + bindparam("count")
    statement = update(projects).where(projects.c.id == bindparam(PROJECT_PARAMETER))
    return statement.values(next_item_id=taken).returning(projects.c.next_item_id)


def written_item(columns: Mapping[str, Any], item_labels: Iterable[str], now: datetime) -> Item:
    """The item for columns of `items` that have just been written."""
    row = SimpleNamespace(**{"external_ref": None, **columns, "labels": LABEL_SEPARATOR.join(item_labels)})
    return to_item(cast("Row[Any]", row), now)


def new_row(item_id: int, item: NewItem, *, parent: int | None, waits: int, by: str, now: datetime) -> dict[str, Any]:
    """The row of an item that is created now."""
    return {
        "id": item_id,
        "title": item.title,
        "description": item.description,
        "item_type": item.item_type,
        "status": "pending",
        "priority": item.priority,
        "parent_id": parent,
        "assignee": item.assignee,
        "claim_expires_at": None,
        "lease_seconds": None,
        "waits": waits,
        "hidden_by": 0,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "completed_at": None,
        "created_by": by,
        "acceptance": [asdict(Criterion(text)) for text in item.acceptance],
        "evidence": [],
    }


def folded(title: str, description: str) -> str:
    """The text that searches look in."""
    return f"{title}\n{description}".casefold()


def insert_items(tx: Transaction, rows: Sequence[Mapping[str, Any]], labelled: Mapping[int, Iterable[str]]) -> None:
    """Write new rows of items, their labels and their search texts."""
    tx.add(items, rows)
    texts = [{"item_id": row["id"], "folded": folded(row["title"], row["description"])} for row in rows]
    tx.add(item_texts, texts)
    tx.add(labels, [{"item_id": one, "label": label} for one, names in labelled.items() for label in names])


def change_item(tx: Transaction, item_id: int, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one item."""
    change_items(tx, {item_id: values})


def change_items(tx: Transaction, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Overwrite columns of items; `values` maps ids to columns."""
    alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for item_id, columns in values.items():
        new = {f"new_{name}": value for name, value in columns.items()}
        alike[tuple(columns)].append({"of_item": item_id, **new})
    for names, parameters in alike.items():
        tx.change(_change(names), parameters)


@lru_cache(maxsize=256)
def _change(names: tuple[str, ...]) -> Executable:
    statement = update(items).where(in_project(items), items.c.id == bindparam("of_item"))
    return statement.values({name: bindparam(f"new_{name}", type_=items.c[name].type) for name in names})
