"""task-master: `.taskmaster/tasks/tasks.json` (0.43: a list of tasks for each tag; before: one list)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from workflow_mcp.work.importers.documents import document
from workflow_mcp.work.importers.drafts import Draft
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.fields import Fields
from workflow_mcp.work.importers.values import Place, SourceFile, SourceItem, SourceItems

STATUSES: Final = {
    "pending": "pending",
    "in-progress": "in_progress",
    "done": "completed",
    "completed": "completed",
    "cancelled": "cancelled",
    "review": "in_progress",
    "deferred": "pending",
    "blocked": "pending",
}
KEPT_AS_LABEL: Final = ("review", "deferred", "blocked")
PRIORITIES: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}
DEFAULT_TAG = "master"


def read_task_master(files: Sequence[SourceFile]) -> SourceItems:
    """The tasks and subtasks of all tags; a tag other than `master` is kept as a label.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    return SourceItems(tuple(item for file in files for item in _read(file)))


def _read(file: SourceFile) -> Iterator[SourceItem]:
    fields = Fields.of(document(file), Place(file.path, 1), "it")
    if isinstance(fields.values.get("tasks"), list):
        yield from _Tag(DEFAULT_TAG, fields, file).items()
        return
    for tag in fields.values:
        found = fields.nested(fields.as_id(tag, "the tag"))
        if found is not None:
            yield from _Tag(tag, found, file).items()


class _Tag:
    def __init__(self, name: str, fields: Fields, file: SourceFile) -> None:
        self._name = name
        self._fields = fields
        self._file = file

    def items(self) -> Iterator[SourceItem]:
        for task in self._fields.nested_all("tasks"):
            task_id = _id(task)
            yield self._item(task, task_id, None)
            siblings = [_id(one) for one in task.nested_all("subtasks")]
            for subtask in task.nested_all("subtasks"):
                yield self._item(subtask, f"{task_id}.{_id(subtask)}", task_id, siblings)

    def _item(self, task: Fields, task_id: str, parent: str | None, siblings: Sequence[str] = ()) -> SourceItem:
        draft = Draft(self._ref(task_id), task.place, self._file.modified_at)
        for heading, name in (("", "description"), ("Details", "details"), ("Test strategy", "testStrategy")):
            draft.section(heading, task.text(name))
        draft.title(task.text("title"))
        draft.parent = None if parent is None else self._ref(parent)
        _add_choices(draft, task)
        draft.labels([] if self._name == DEFAULT_TAG else [self._name])
        draft.assignees([task.text("assignee")])
        draft.time("created", task.text("createdAt"))
        draft.time("updated", task.text("updatedAt"))
        for other in task.ids("dependencies"):
            # A subtask names another one of the same task by its own number alone.
            near = parent is not None and "." not in other and other in siblings
            draft.link("blocked_by", self._ref(f"{parent}.{other}" if near else other))
        return draft.finished()

    def _ref(self, task_id: str) -> str:
        return f"task-master:{self._name}/{task_id}"


def _id(task: Fields) -> str:
    task_id = task.id("id")
    if not task_id:
        raise invalid(task.place, "it has no id")
    return task_id


def _add_choices(draft: Draft, task: Fields) -> None:
    status, priority = task.text("status") or "pending", task.text("priority") or "medium"
    draft.status = STATUSES.get(status, "pending")
    if status not in STATUSES or status in KEPT_AS_LABEL:
        draft.became("status", status, draft.status, label=status)
    draft.priority = PRIORITIES.get(priority, 2)
    if priority not in PRIORITIES:
        draft.became("priority", priority, "2")
