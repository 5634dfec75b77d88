"""The effect of an update on a work item's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from workflow_mcp.work.evidence import criteria_after, criteria_in, evidence_after, numbers_of_met
from workflow_mcp.work.validation import DEFAULT_LEASE, check_labels
from workflow_mcp.work.values import FINISHED, UNSET, Actor, ItemUpdate

TOLD_APART = ("lease_seconds", "acceptance", "evidence")
_ACTIONS = {"pending": "released", "in_progress": "started", "completed": "completed", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one item.

    Attributes:
        values: the new values of the columns that change.
        labels: all labels, when they change.
        changed_fields: the fields for the event, each with [old, new].
        action: the name of the event.
        starts: whether it claims the item for an actor who did not hold it.
    """

    values: Mapping[str, Any]
    labels: tuple[str, ...] | None
    changed_fields: Mapping[str, Any]
    action: str
    starts: bool = False

    def __bool__(self) -> bool:
        return bool(self.changed_fields)

    @property
    def moves(self) -> bool:
        """Whether the parent changes."""
        return "parent_id" in self.values

    @property
    def finishes(self) -> bool:
        """Whether it makes an unfinished item finished."""
        return self._completion == (False, True)

    @property
    def reopens(self) -> bool:
        """Whether it makes a finished item unfinished."""
        return self._completion == (True, False)

    @property
    def completes(self) -> bool:
        """Whether the status becomes completed."""
        return self.values.get("status") == "completed"

    @property
    def cancels(self) -> bool:
        """Whether the status becomes cancelled."""
        return self.values.get("status") == "cancelled"

    @property
    def releases(self) -> bool:
        """Whether it makes the item pending."""
        return self.values.get("status") == "pending"

    @property
    def _completion(self) -> tuple[bool, bool] | None:
        old_new = self.changed_fields.get("completed_at")
        return None if old_new is None else (old_new[0] is not None, old_new[1] is not None)


def change_of(row: Any, current_labels: list[str], given: ItemUpdate, actor: Actor, now: datetime) -> Change:
    """The change that an update makes to a row.

    Raises:
        WorkItemError: `ITEM_INVALID`, when the item would have too many labels.
    """
    wanted = _plain_fields(given) | _status_fields(row, given, now) | _evidence_fields(row, given)
    starting = starts(row, given, actor, now)
    wanted |= _start_fields(given, actor, now) if starting else _claim_fields(row, wanted, actor, now)
    if holds(row, actor) and actor.succeeds(row.assignee):
        wanted = {"assignee": actor.name} | wanted
    values = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    changed = changed_fields(row, values)
    labels = _new_labels(current_labels, given)
    if labels is not None:
        changed["labels"] = [current_labels, list(labels)]
    if given.note is not None:
        changed["note"] = [None, given.note[:80]]
    return Change(values, labels, changed, _action(row, values, changed), starting)


def changed_fields(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """What an event tells of new values of a row's columns: the fields that change, each with [old, new]."""
    changed = {_shown(name): [getattr(row, name), value] for name, value in values.items() if name not in TOLD_APART}
    return changed | _evidence_changes(row, values)


def starts(row: Any, given: ItemUpdate, actor: Actor, now: datetime) -> bool:
    """Whether an update puts an unclaimed item in progress, which also claims it."""
    held = row.claim_expires_at is not None and (row.claim_expires_at > now or holds(row, actor))
    return given.status == "in_progress" and not held


def holder_of(given: ItemUpdate, actor: Actor) -> str:
    """Who holds an item after an update that starts it: the assignee in the update, else the actor."""
    return given.assignee if isinstance(given.assignee, str) else actor.name


def _start_fields(given: ItemUpdate, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "assignee": holder_of(given, actor),
        "claim_expires_at": now + DEFAULT_LEASE,
        "lease_seconds": round(DEFAULT_LEASE.total_seconds()),
    }


def _plain_fields(given: ItemUpdate) -> dict[str, Any]:
    fields = ("title", "description", "item_type", "priority")
    found = {name: getattr(given, name) for name in fields if getattr(given, name) is not None}
    if given.parent is not UNSET:
        found["parent_id"] = given.parent
    if given.assignee is not UNSET:
        found["assignee"] = given.assignee
    return found


def _evidence_fields(row: Any, given: ItemUpdate) -> dict[str, Any]:
    criteria = criteria_after(criteria_in(row.acceptance), given)
    return {
        "acceptance": [asdict(one) for one in criteria],
        "evidence": list(evidence_after(row.evidence, given)),
    }


def _evidence_changes(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """What an event tells: the wording of the criteria, which of them are met, and what was added as evidence."""
    changes: dict[str, Any] = {}
    if "acceptance" in values:
        both = [criteria_in(row.acceptance), criteria_in(values["acceptance"])]
        changes["acceptance"] = [[one.text for one in criteria] for criteria in both]
        changes["met"] = [numbers_of_met(criteria) for criteria in both]
    if "evidence" in values:
        changes["evidence"] = [None, values["evidence"][len(row.evidence) :]]
    return {name: change for name, change in changes.items() if change[0] != change[1]}


def _status_fields(row: Any, given: ItemUpdate, now: datetime) -> dict[str, Any]:
    status = given.status
    if status is None and given.assignee is None and row.status == "in_progress":
        status = "pending"
    if status is None or status == row.status:
        return {}
    if status in FINISHED:
        return {"status": status, "completed_at": row.completed_at or now}
    released = {"assignee": None} if status == "pending" and given.assignee is UNSET else {}
    return {"status": status, "completed_at": None, **released}


def _claim_fields(row: Any, wanted: Mapping[str, Any], actor: Actor, now: datetime) -> dict[str, Any]:
    if row.claim_expires_at is None:
        return {}
    if wanted.get("status", row.status) != "in_progress" or wanted.get("assignee", row.assignee) is None:
        return {"claim_expires_at": None, "lease_seconds": None}
    if holds(row, actor):
        return {"claim_expires_at": now + timedelta(seconds=row.lease_seconds)}
    return {}


def _new_labels(current_labels: list[str], given: ItemUpdate) -> tuple[str, ...] | None:
    base = current_labels if given.labels is None else given.labels
    wanted = tuple(sorted({*base, *given.add_labels} - set(given.remove_labels)))
    check_labels(f"#{given.id} labels", wanted)
    return None if list(wanted) == current_labels else wanted


def _shown(column: str) -> str:
    return "parent" if column == "parent_id" else column


def _action(row: Any, values: Mapping[str, Any], changed: Mapping[str, Any]) -> str:
    if "status" in values:
        return "reopened" if row.status in FINISHED and values["status"] == "pending" else _ACTIONS[values["status"]]
    if changed.keys() <= {"note", "claim_expires_at"}:
        return "noted" if "note" in changed else "renewed"
    if changed.keys() <= {"assignee", "claim_expires_at"}:
        return "assigned"
    return "moved" if changed.keys() <= {"parent", "claim_expires_at"} else "updated"


def holds(row: Any, actor: Actor) -> bool:
    """Whether `actor` claimed the item; an expired claim counts until another actor claims the item."""
    return row.claim_expires_at is not None and actor.owns(row.assignee)
