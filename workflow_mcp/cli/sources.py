"""Where other programs keep what can be imported."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from workflow_mcp.cli.claude_lists import ClaudeLists
from workflow_mcp.cli.source_files import STDIN, Located, shown_path
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.importers.backlog import CONFIGS
from workflow_mcp.work.importers.values import Format

MAX_FILES = 20_000

IN_PROJECTS: Final[tuple[Format, ...]] = ("beads", "task-master", "backlog")
BEADS: Final = (".beads/issues.jsonl", "issues.jsonl", ".beads/beads.jsonl", "beads.jsonl")
TASK_MASTER: Final = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
BACKLOGS: Final = ("backlog", ".backlog", ".")
BACKLOG_FOLDERS: Final = ("tasks", "completed", "drafts", "archive/tasks", "archive/drafts", "milestones")
TASK: Final = re.compile(r"[0-9]+\.json")

FROM_WHERE = "pass `--from` and the path of a file or folder; `workflow-mcp import --help` names the formats."
NOWHERE: Final[Mapping[Format, str]] = {
    "claude-tasks": "pass the folder or the name of a list in Claude Code's `tasks` folder.",
    "beads": "pass the path of its issues.jsonl; `bd export` writes one.",
    "task-master": "pass the path of its tasks.json.",
    "backlog": "pass the path of its folder, in which `tasks` is.",
    "github": "run `gh issue list --state all --limit 1000 --json number,title,body,state,stateReason,labels,assignees,"
    "milestone,comments,createdAt,updatedAt,closedAt,url > issues.json`, and pass that file, or `-` for a pipe.",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be imported: files of one format."""

    format: Format
    files: tuple[Located, ...]


def find_source(wanted: Format | None, path: str | None, project: str, lists: ClaudeLists) -> Source:
    """The files to import.

    Args:
        wanted: their format; None for whichever is found.
        path: a file or folder that the user named; None for where the format's program keeps them.
        project: the project's folder.
        lists: Claude Code's task lists.

    Raises:
        UsageError: `SOURCE_NOT_FOUND`, `SOURCE_AMBIGUOUS` or `FILE_UNREADABLE`.
    """
    if wanted and path is not None and (path == STDIN or os.path.isfile(path)):
        return Source(wanted, (_named_file(wanted, path),))
    if path is not None and wanted == "claude-tasks" and not os.path.lexists(path):
        path = lists.named(path) or path
    if path is not None and not os.path.isdir(path):
        what = "it is not a regular file" if os.path.lexists(path) else "no such file or folder"
        raise UsageError(Code.FILE_UNREADABLE, f"{shown_path(path)}: {what}.", "name a file or folder that is there.")
    return _only(_found(wanted, path, project, lists), wanted, path or project)


def _named_file(wanted: Format, path: str) -> Located:
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    return Located(path, group=folder if wanted == "claude-tasks" else "tasks" if wanted == "backlog" else "")


def _found(wanted: Format | None, path: str | None, project: str, lists: ClaudeLists) -> Iterator[Source]:
    for one in (wanted,) if wanted else IN_PROJECTS if path is None else FINDERS:
        if one == "claude-tasks" and path is None:
            files = tuple(file for folder in lists.of_project(project) for file in _tasks_of(folder))
        else:
            files = tuple(FINDERS[one](path or project)) if one in FINDERS else ()
        if files:
            yield Source(one, files)


def _only(found: Iterator[Source], wanted: Format | None, folder: str) -> Source:
    first, *others = [*found, None]
    if first is None:
        named = f"nothing to import from {wanted or 'another program'} was found in {shown_path(folder)}."
        raise UsageError(Code.SOURCE_NOT_FOUND, named, NOWHERE[wanted] if wanted else FROM_WHERE)
    if others[0] is not None:
        formats = " and ".join(one.format for one in (first, *others) if one is not None)
        what = f"{shown_path(folder)} has something to import from {formats}."
        raise UsageError(Code.SOURCE_AMBIGUOUS, what, f"import one at a time, beginning with `--from {first.format}`.")
    return first


def _first_of(names: tuple[str, ...]) -> Callable[[str], Iterator[Located]]:
    def files(folder: str) -> Iterator[Located]:
        paths = (os.path.join(folder, name) for name in names)
        yield from (Located(path, folder) for path in [one for one in paths if os.path.lexists(one)][:1])

    return files


def _backlog(folder: str) -> Iterator[Located]:
    paths = (os.path.normpath(os.path.join(folder, name)) for name in BACKLOGS)
    backlog = next((path for path in paths if os.path.isdir(os.path.join(path, "tasks"))), None)
    if backlog is None:
        return
    configs = [os.path.join(where, name) for where in (backlog, os.path.dirname(backlog)) for name in CONFIGS]
    yield from (Located(path, os.path.dirname(path)) for path in [one for one in configs if os.path.lexists(one)][:1])
    for group in BACKLOG_FOLDERS:
        inner = os.path.join(backlog, group)
        yield from (Located(os.path.join(inner, name), folder, group) for name in _names(inner) if name.endswith(".md"))


def _claude_tasks(folder: str) -> Iterator[Located]:
    yield from _tasks_of(folder)
    for name in _names(folder):
        if os.path.isdir(inner := os.path.join(folder, name)):
            yield from _tasks_of(inner)


def _tasks_of(folder: str) -> Iterator[Located]:
    group = os.path.basename(os.path.realpath(folder))
    yield from (Located(os.path.join(folder, name), folder, group) for name in _names(folder) if TASK.fullmatch(name))


def _names(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    names = os.listdir(folder)
    if len(names) > MAX_FILES:
        what = f"{shown_path(folder)} has more than {MAX_FILES} entries."
        raise UsageError(Code.IMPORT_INVALID, what, "import from a folder with fewer of them.")
    return sorted(names, key=_in_order_of_numbers)


def _in_order_of_numbers(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name)
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]


FINDERS: Final[Mapping[Format, Callable[[str], Iterator[Located]]]] = {
    "beads": _first_of(BEADS),
    "task-master": _first_of(TASK_MASTER),
    "backlog": _backlog,
    "claude-tasks": _claude_tasks,
}
