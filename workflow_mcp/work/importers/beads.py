"""beads: `.beads/issues.jsonl`, an issue or a memory a line (beads 1.0; older ones have no `_type`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from workflow_mcp.errors import shown
from workflow_mcp.work.importers.drafts import Draft
from workflow_mcp.work.importers.errors import SourceError, all_invalid, invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.values import Place, Relation, Skipped, SourceFile, SourceItem, SourceItems
from workflow_mcp.work.json_text import strict_json
from workflow_mcp.work.validation import MAX_PRIORITY
from workflow_mcp.work.values import ITEM_TYPES

STATUSES: Final = {
    "open": "pending",
    "blocked": "pending",
    "deferred": "pending",
    "pinned": "pending",
    "in_progress": "in_progress",
    "hooked": "in_progress",
    "closed": "completed",
}
RELATIONS: Final[dict[str, Relation]] = {
    "blocks": "blocked_by",
    "related": "relates_to",
    "relates-to": "relates_to",
    "duplicates": "duplicates",
    "discovered-from": "discovered_from",
}
CRITERION: Final = re.compile(r"\s*(?:[-*]|[0-9]+[.)])\s+(?:\[([ xX])\]\s+)?(.*\S)\s*")
SECTIONS: Final = {
    "": "description",
    "Design": "design",
    "Notes": "notes",
}


def read_beads(files: Sequence[SourceFile]) -> SourceItems:
    """The issues of a beads export; memories and deleted issues are skipped.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming all broken lines.
    """
    read = [one for file in files for one in _read(file)]
    skipped = tuple(one for one in read if isinstance(one, Skipped))
    return SourceItems(tuple(one for one in read if isinstance(one, SourceItem)), skipped)


def _read(file: SourceFile) -> Iterator[SourceItem | Skipped]:
    broken: list[SourceError] = []
    for number, line in enumerate(file.text.split("\n"), start=1):
        if line.strip():
            try:
                yield _of_line(Place(file.path, number), line, file)
            except SourceError as error:
                broken.append(error)
    if broken:
        raise all_invalid(broken)


def _of_line(place: Place, line: str, file: SourceFile) -> SourceItem | Skipped:
    fields = Fields.of(_value(place, line), place, "it")
    kind, status = fields.text("_type") or "issue", fields.text("status")
    if kind != "issue":
        return Skipped(place, fields.id("id") or fields.id("key") or kind, f"a {kind} is no work item")
    if status == "tombstone":
        return Skipped(place, fields.id("id"), "it was deleted there")
    return _item(fields, file)


def _value(place: Place, line: str) -> Any:
    try:
        return strict_json(line)
    except json.JSONDecodeError as error:
        raise invalid(place, f"it is not JSON from column {error.colno} on") from error
    except ValueError as error:
        raise invalid(place, str(error)) from error


def _item(fields: Fields, file: SourceFile) -> SourceItem:
    issue_id = fields.id("id")
    if not issue_id:
        raise invalid(fields.place, "it has no id")
    draft = Draft(_ref(issue_id), fields.place, file.modified_at)
    for heading, name in SECTIONS.items():
        draft.section(heading, fields.text(name))
    draft.section("Reference", fields.text("external_ref"))
    _add_criteria(draft, fields.text("acceptance_criteria"))
    draft.title(fields.text("title"))
    draft.labels(fields.texts("labels"))
    _add_choices(draft, fields)
    _add_people_and_times(draft, fields)
    _add_dependencies(draft, fields, issue_id)
    return draft.finished()


def _add_criteria(draft: Draft, text: str) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    found = [one for line in lines if (one := CRITERION.fullmatch(line)) is not None]
    if len(found) == len(lines):
        draft.criteria((one[2], one[1] in ("x", "X")) for one in found)
    else:
        draft.section("Acceptance criteria", text)


def _ref(issue_id: str) -> str:
    return f"beads:{issue_id}"


def _add_choices(draft: Draft, fields: Fields) -> None:
    status, kind, priority = (
        fields.text("status") or "open",
        fields.text("issue_type") or "task",
        fields.whole("priority"),
    )
    draft.status = STATUSES.get(status, "pending")
    if STATUSES.get(status) is None or status in ("deferred", "pinned", "hooked"):
        draft.became("status", status, draft.status, label=status)
    elif status == "blocked":
        draft.losses.append("status 'blocked' became pending: here an item is blocked by what it depends on")
    draft.item_type = kind if kind in ITEM_TYPES else "task"
    if draft.item_type != kind:
        draft.became("type", kind, "task", label=kind)
    draft.priority = min(max(2 if priority is None else priority, 0), MAX_PRIORITY)
    if priority not in (None, draft.priority):
        draft.losses.append(f"priority {shown(priority)} became {draft.priority}")


def _add_people_and_times(draft: Draft, fields: Fields) -> None:
    for what, name in (("created", "created_at"), ("updated", "updated_at"), ("completed", "closed_at")):
        draft.time(what, fields.text(name))
    draft.assignees([fields.text("assignee")])
    draft.created_by(fields.text("created_by"))
    for comment in fields.nested_all("comments"):
        draft.note(comment.text("author"), comment.text("created_at"), comment.text("text"))
    if reason := fields.text("close_reason"):
        draft.note("", fields.text("closed_at"), f"Closed: {reason}")


def _add_dependencies(draft: Draft, fields: Fields, issue_id: str) -> None:
    for one in fields.nested_all("dependencies"):
        kind, other = one.text("type") or "blocks", one.id("depends_on_id")
        if one.id("issue_id") not in ("", issue_id) or not other:
            draft.losses.append(f"a dependency of type {shown(kind)} that is not its own was left out")
        elif kind == "parent-child":
            draft.below(_ref(other))
        elif kind in RELATIONS:
            draft.link(RELATIONS[kind], _ref(other))
        else:
            draft.losses.append(f"its dependency {shown(kind)} on {other} was left out")
