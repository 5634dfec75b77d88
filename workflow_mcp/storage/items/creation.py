"""Creating a batch of items, all or none, and once for each request id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from workflow_mcp.storage.events.rows import add_events
from workflow_mcp.storage.items.blockers import blockers_of, with_waits
from workflow_mcp.storage.items.graph import depth_of, refuse_cycle
from workflow_mcp.storage.items.readiness import Waits
from workflow_mcp.storage.items.requests import add_request, earlier_items, request_of
from workflow_mcp.storage.items.rows import fetch_items, insert_items, new_row, require_rows, take_ids, written_item
from workflow_mcp.storage.tables import links
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work import errors
from workflow_mcp.work.graph import MAX_DEPTH
from workflow_mcp.work.plans import BatchIndex, Plan, Planned, Target, make_plan
from workflow_mcp.work.results import CreateResult
from workflow_mcp.work.validation import check_actor, check_request_id
from workflow_mcp.work.values import Actor, Item, NewItem


class Creation:
    """The items of one call; creating the object checks them, `run` stores them.

    Args:
        given: 1 to 100 items.
        actor: who creates them.
        request_id: identifies the request: repeating it creates nothing.

    Raises:
        WorkItemError: see `make_plan`.
    """

    def __init__(self, given: Sequence[NewItem], actor: Actor, request_id: str | None) -> None:
        check_actor(actor)
        if request_id is not None:
            check_request_id(request_id)
        self._plan = make_plan(given)
        self._actor = actor
        self._request = None if request_id is None else request_of(request_id, [asdict(item) for item in given])

    def run(self, tx: Transaction) -> CreateResult:
        """Store the items and return them in the given order."""
        earlier = earlier_items(tx, self._request)
        if earlier is not None:
            return CreateResult(with_waits(tx, fetch_items(tx, earlier)), repeated=True)
        existing = self._check_existing(tx)
        ids = take_ids(tx, len(self._plan.entries))
        created = self._insert(tx, ids, existing)
        add_request(tx, self._request, ids)
        return CreateResult(with_waits(tx, created))

    def _check_existing(self, tx: Transaction) -> dict[int, Row[Any]]:
        parents, blockers = self._plan.outer_parents, self._plan.outer_blockers
        if not parents and not blockers:
            return {}
        existing = require_rows(tx, parents | blockers, lock=True)
        for parent in parents:
            if depth_of(tx, parent) + self._plan.depth_below(parent) > MAX_DEPTH:
                raise errors.too_deep(f"what is to be put below #{parent}", MAX_DEPTH)
        return existing

    def _check_cycles(self, tx: Transaction, ids: Sequence[int]) -> None:
        # A cycle through existing items needs both kinds of edge to them, and then passes an existing parent.
        if not self._plan.outer_blockers:
            return
        for parent in self._plan.outer_parents:
            children = [ids[index] for index, entry in enumerate(self._plan.entries) if entry.parent == parent]
            refuse_cycle(tx, [parent], children, f"what is to be put below #{parent} depends on it")

    def _insert(self, tx: Transaction, ids: Sequence[int], existing: Mapping[int, Row[Any]]) -> list[Item]:
        passed_on = Counter(one.item for one in blockers_of(tx, self._plan.outer_parents, passed_on=True))
        own_waits = _waits_of_new(self._plan, existing, passed_on)
        rows = [
            new_row(
                ids[index],
                entry.item,
                parent=_resolved(entry.parent, ids),
                waits=own_waits[index],
                by=self._actor.name,
                now=tx.written_at,
            )
            for index, entry in enumerate(self._plan.entries)
        ]
        tags = {ids[index]: sorted(set(entry.item.labels)) for index, entry in enumerate(self._plan.entries)}
        insert_items(tx, rows, tags)
        tx.add(links, _link_rows(self._plan, ids))
        self._check_cycles(tx, ids)
        add_events(tx, self._actor, _events(self._plan, ids, rows))
        waits = Waits()
        for entry in self._plan.entries:
            waits.add(entry.parent if isinstance(entry.parent, int) else None, 1)
        waits.write(tx)
        return [written_item(row, tags[row["id"]], tx.now) for row in rows]


def _waits_of_new(plan: Plan, existing: Mapping[int, Row[Any]], passed_on: Mapping[int, int]) -> Counter[int]:
    """How many items each new one waits for; `passed_on` counts what is waited for below each existing parent."""
    waits: Counter[int] = Counter()
    for index, entry in enumerate(plan.entries):
        if isinstance(entry.parent, BatchIndex):
            waits[entry.parent.index] += 1
        root, blockers = plan.root(index), [*entry.depends_on, *plan.inherited(index)]
        waits[index] += sum(isinstance(one, BatchIndex) or existing[one].completed_at is None for one in blockers)
        waits[index] += 0 if root is None else passed_on[root]
    return waits


def _resolved(target: Target | None, ids: Sequence[int]) -> int | None:
    return ids[target.index] if isinstance(target, BatchIndex) else target


def _link_rows(plan: Plan, ids: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"source_id": _resolved(one, ids), "target_id": ids[index], "kind": "blocks"}
        for index, entry in enumerate(plan.entries)
        for one in entry.depends_on
    ]


def _events(plan: Plan, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, dict[str, Any]]]:
    created = [(row["id"], "created", _created(row, entry, ids)) for row, entry in zip(rows, plan.entries, strict=True)]
    blockers = [(link["source_id"], link["target_id"]) for link in _link_rows(plan, ids)]
    return [*created, *((blocker, "linked", {"kind": "blocks", "to": blocked}) for blocker, blocked in blockers)]


def _created(row: Mapping[str, Any], entry: Planned, ids: Sequence[int]) -> dict[str, Any]:
    fields = {name: row[name] for name in ("title", "item_type", "priority", "description", "assignee")}
    fields |= {"labels": sorted(set(entry.item.labels)), "parent": row["parent_id"]}
    fields |= {"acceptance": list(entry.item.acceptance)}
    fields["depends_on"] = [_resolved(one, ids) for one in entry.depends_on]
    return {field: [None, value] for field, value in fields.items() if value not in (None, "", [])}
