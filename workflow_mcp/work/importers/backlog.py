"""Backlog.md: `backlog/{tasks,completed,archive,drafts}/*.md`, a task a file, and `backlog/config.yml` (1.52)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workflow_mcp.work.importers.drafts import Draft
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.front_matter import mapping, sections, split
from workflow_mcp.work.importers.values import Place, Skipped, SourceFile, SourceItem, SourceItems
from workflow_mcp.work.values import ITEM_TYPES

CONFIGS: Final = ("config.yml", "config.yaml", "backlog.config.yml")
PRIORITIES: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}
TYPES: Final = {"enhancement": "feature", "spike": "research", "docs": "task"}
HEADINGS: Final = {
    "": "",
    "DESCRIPTION": "",
    "PLAN": "Implementation plan",
    "IMPLEMENTATION PLAN": "Implementation plan",
    "NOTES": "Implementation notes",
    "IMPLEMENTATION NOTES": "Implementation notes",
    "FINAL_SUMMARY": "Final summary",
    "DOD": "Definition of done",
}
CRITERIA: Final = ("AC", "ACCEPTANCE CRITERIA")
LISTS: Final = {"References": "references", "Documentation": "documentation", "Modified files": "modified_files"}

_CRITERION = re.compile(r"^[-*] \[([ xX])\] (?:#\d+ )?(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Statuses:
    """The statuses of a backlog, in their order: the first means pending, the last done, any between in progress."""

    names: tuple[str, ...] = ("To Do", "In Progress", "Done")

    def meaning(self, name: str) -> str | None:
        known = [one.casefold() for one in self.names]
        if name.casefold() not in known:
            return None
        position = known.index(name.casefold())
        return "completed" if position == len(known) - 1 else "in_progress" if position else "pending"


def read_backlog(files: Sequence[SourceFile]) -> SourceItems:
    """The tasks of a backlog, completed ones too; drafts and what was archived are skipped.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    configs = [file for file in files if _name(file) in CONFIGS]
    milestones = dict(_milestone(file) for file in files if _folder(file) == "milestones")
    statuses = _statuses(configs[0]) if configs else _Statuses()
    items: list[SourceItem] = []
    skipped: list[Skipped] = []
    for file in files:
        if file in configs or _folder(file) == "milestones":
            continue
        fields, body = split(file)
        if _folder(file) in ("drafts", "archive"):
            why = "it is a draft" if _folder(file) == "drafts" else "it is archived"
            skipped.append(Skipped(fields.place, fields.text("id"), why))
        else:
            items.append(_item(fields, body, file, statuses, milestones))
    return SourceItems(tuple(items), tuple(skipped))


def _name(file: SourceFile) -> str:
    return file.path.replace("\\", "/").rpartition("/")[2]


def _folder(file: SourceFile) -> str:
    return file.group.partition("/")[0]


def _statuses(config: SourceFile) -> _Statuses:
    fields = Fields.of(mapping(Place(config.path, 1), config.text), Place(config.path, 1), "it")
    return _Statuses(tuple(fields.texts("statuses"))) if fields.array("statuses") else _Statuses()


def _milestone(file: SourceFile) -> tuple[str, str]:
    fields, _ = split(file)
    return fields.id("id"), fields.text("title")


def _item(fields: Fields, body: str, file: SourceFile, statuses: _Statuses, milestones: dict[str, str]) -> SourceItem:
    task_id = fields.id("id")
    if not task_id:
        raise invalid(fields.place, "it has no id")
    draft = Draft(_ref(task_id), fields.place, file.modified_at)
    draft.time("created", fields.text("created_date"))
    draft.time("updated", fields.text("updated_date"))
    _add_sections(draft, body)
    for heading, name in LISTS.items():
        draft.section(heading, "\n".join(f"- {one}" for one in fields.texts(name)))
    draft.section("Due", fields.text("due_date"))
    draft.title(fields.text("title"))
    _add_choices(draft, fields, statuses)
    draft.assignees(_texts(fields, "assignee"))
    draft.labels(_texts(fields, "labels"))
    if milestone := fields.text("milestone"):
        draft.labels([f"milestone: {milestones.get(milestone, milestone)}"])
    if parent := fields.id("parent_task_id"):
        draft.below(_ref(parent))
    for other in _texts(fields, "dependencies"):
        draft.link("blocked_by", _ref(other))
    return draft.finished()


def _ref(task_id: str) -> str:
    return f"backlog:{task_id.lower()}"


def _texts(fields: Fields, name: str) -> list[str]:
    # Older versions write one name as text instead of a list.
    return [fields.text(name)] if isinstance(fields.values.get(name), str) else fields.texts(name)


def _add_choices(draft: Draft, fields: Fields, statuses: _Statuses) -> None:
    status, kind, priority = fields.text("status"), fields.text("type").lower(), fields.text("priority").lower()
    meaning = statuses.meaning(status)
    draft.status = meaning or "pending"
    if status and (meaning is None or status.casefold() not in ("to do", "in progress", "done")):
        draft.became("status", status, draft.status, label=status)
    draft.item_type = kind if kind in ITEM_TYPES else TYPES.get(kind, "task")
    if kind and kind != draft.item_type:
        draft.became("type", kind, draft.item_type, label=kind)
    draft.priority = PRIORITIES.get(priority, 2)
    if priority and priority not in PRIORITIES:
        draft.became("priority", priority, "2")


def _add_sections(draft: Draft, body: str) -> None:
    for name, text in sections(body):
        if name in CRITERIA:
            draft.criteria((found[2], found[1] != " ") for found in _CRITERION.finditer(text))
        elif name == "COMMENTS":
            for author, created, comment in _comments(text):
                draft.note(author, created, comment)
        else:
            draft.section(HEADINGS.get(name, name.replace("_", " ").capitalize()), text)


def _comments(text: str) -> Iterator[tuple[str, str, str]]:
    """Author, time and text of each comment: fields, a line `---`, the text, and a line `---` again."""
    parts = re.split(r"^---$", text, flags=re.MULTILINE)
    for head, body in zip(parts[::2], parts[1::2], strict=False):
        fields = dict(line.partition(": ")[::2] for line in head.splitlines() if ": " in line)
        yield fields.get("author", ""), fields.get("created", ""), body.strip()
