"""Claude Code's task lists: `~/.claude/tasks/<list>/N.json`, a task a file (Claude Code 2.1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from workflow_mcp.work.importers.documents import document
from workflow_mcp.work.importers.drafts import Draft
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.values import Place, Skipped, SourceFile, SourceItems
from workflow_mcp.work.text import visible

STATUSES: Final = {"pending": "pending", "in_progress": "in_progress", "completed": "completed"}


def read_claude_tasks(files: Sequence[SourceFile]) -> SourceItems:
    """The tasks of task lists; a file's `group` is its list.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    drafts: dict[str, Draft] = {}
    skipped: list[Skipped] = []
    blocks: list[tuple[str, str]] = []
    for file in files:
        fields = Fields.of(document(file), Place(file.path, 1), "it")
        if fields.text("status") == "deleted":
            skipped.append(Skipped(fields.place, fields.id("id"), "it was deleted there"))
            continue
        draft = _draft(fields, file)
        if draft.external_ref in drafts:
            raise invalid(fields.place, f"{draft.external_ref} stands in {drafts[draft.external_ref].place} too")
        drafts[draft.external_ref] = draft
        blocks += [(_ref(file, other), draft.external_ref) for other in fields.ids("blockedBy")]
        blocks += [(draft.external_ref, _ref(file, other)) for other in fields.ids("blocks")]
    for blocker, blocked in blocks:
        if blocked in drafts:
            drafts[blocked].link("blocked_by", blocker)
    return SourceItems(tuple(draft.finished() for draft in drafts.values()), tuple(skipped))


def _ref(file: SourceFile, task_id: str) -> str:
    return f"claude-tasks:{file.group}/{task_id}"


def _draft(fields: Fields, file: SourceFile) -> Draft:
    task_id, status = fields.id("id"), fields.text("status") or "pending"
    if not task_id:
        raise invalid(fields.place, "it has no id")
    draft = Draft(_ref(file, task_id), fields.place, file.modified_at)
    draft.section("", fields.text("description"))
    draft.title(fields.text("subject"))
    draft.status = STATUSES.get(status, "pending")
    if status not in STATUSES:
        draft.became("status", status, draft.status, label=status)
    draft.assignees([fields.text("owner")])
    metadata = fields.nested("metadata")
    if metadata is not None and metadata.values:
        draft.section("Metadata", visible(json.dumps(metadata.values, ensure_ascii=False, sort_keys=True)))
    return draft
