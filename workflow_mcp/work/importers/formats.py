"""The formats that can be imported, and telling them apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from workflow_mcp.work.importers.backlog import read_backlog
from workflow_mcp.work.importers.beads import read_beads
from workflow_mcp.work.importers.checking import checked
from workflow_mcp.work.importers.claude_tasks import read_claude_tasks
from workflow_mcp.work.importers.github import read_github
from workflow_mcp.work.importers.task_master import read_task_master
from workflow_mcp.work.importers.values import Format, SourceFile, SourceItems
from workflow_mcp.work.json_text import strict_json

READERS: Final[Mapping[Format, Callable[[Sequence[SourceFile]], SourceItems]]] = {
    "claude-tasks": read_claude_tasks,
    "beads": read_beads,
    "task-master": read_task_master,
    "backlog": read_backlog,
    "github": read_github,
}
MAX_LINES_LOOKED_AT = 20


def read_items(source: Format, files: Sequence[SourceFile]) -> SourceItems:
    """The items in files of a format, ready to be stored.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming the file and the line.
    """
    return checked(READERS[source](files))


def format_of(text: str) -> Format | None:
    """The format of a file that is all there is to import; None for any other, such as what `export` wrote."""
    if text.lstrip().startswith("["):
        return "github"
    lines = [line for line in islice(text.splitlines(), MAX_LINES_LOOKED_AT) if line.startswith("{")]
    first = next((value for value in map(_value, [text, *lines]) if isinstance(value, dict)), None)
    if first is None or "kind" in first:
        return None
    if isinstance(first.get("id"), str) and first.keys() & {"issue_type", "title", "_type"}:
        return "beads"
    holders = [first, *(value for value in first.values() if isinstance(value, dict))]
    return "task-master" if any(isinstance(one.get("tasks"), list) for one in holders) else None


def _value(text: str) -> Any:
    try:
        return strict_json(text)
    except ValueError:
        return None
