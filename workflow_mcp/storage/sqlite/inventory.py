"""All projects of a data directory, the archived and the deleted ones too, with what people know them by. Blocking."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from workflow_mcp.errors import Code, ProjectError, ProjectUnknownError, StoreError, shown
from workflow_mcp.storage.projects.choice import MAX_SHOWN_PROJECTS
from workflow_mcp.storage.sqlite.connections import header_of
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, store_errors
from workflow_mcp.storage.sqlite.files import check_owner
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import open_without_log
from workflow_mcp.storage.sqlite.opening import open_file
from workflow_mcp.storage.sqlite.paths import TRASH, path_of
from workflow_mcp.storage.sqlite.projects import Problem, read_projects
from workflow_mcp.storage.sqlite.trash import DeletedCopy, deleted_projects, name_in
from workflow_mcp.storage.types import from_micros
from workflow_mcp.work.values import Project

State = Literal["active", "archived", "deleted"]
MIN_PREFIX = 4
_FACTS = (
    "SELECT (SELECT count(*) FROM items), at, directory "
    "FROM projects LEFT JOIN (SELECT at, directory FROM events ORDER BY id DESC LIMIT 1) ON 1 = 1 LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A project.

    Attributes:
        project: its id and its stored name.
        file: where its work is.
        items: how many work items it has, deleted ones too.
        changed_at: when it was last changed; None when it never was, as `directory`.
        directory: where from.
        archived_at: when it was archived; None when it is not.
        copy: what a deletion left of it; None when it is not deleted.
    """

    project: Project
    file: str
    items: int
    changed_at: datetime | None
    directory: str | None
    archived_at: datetime | None = None
    copy: DeletedCopy | None = None

    @property
    def state(self) -> State:
        """Whether lists have it, and if not, why."""
        if self.copy is not None:
            return "deleted"
        return "active" if self.archived_at is None else "archived"


@dataclass(frozen=True, slots=True)
class Inventory:
    """The projects by name, deleted ones last, and those that cannot be read."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def take_inventory(data_dir: Path, known: KnownProjects) -> Inventory:
    """All there is; a damaged file hides no other.

    Raises:
        StoreError: a folder is there but cannot be read.
    """
    found = read_projects(data_dir, known)
    with store_errors(str(data_dir / TRASH)):
        copies = deleted_projects(data_dir)
    sources: list[tuple[Project, str, DeletedCopy | None]] = [
        *((one, path_of(data_dir, one.known_id), None) for one in found.projects),
        *((Project(copy.project_id, name_in(copy)), copy.file, copy) for copy in copies),
    ]
    entries, problems = [], list(found.problems)
    for project, file, copy in sources:
        try:
            entries.append(_entry(project, file, copy))
        except StoreError as error:
            problems.append(Problem(project.known_id, project.name, error))
    return Inventory(tuple(entries), tuple(problems))


def _entry(project: Project, file: str, copy: DeletedCopy | None) -> Entry:
    opened = partial(open_file, file, wait=BUSY_TIMEOUT) if copy is None else partial(open_without_log, file)
    with store_errors(file), contextlib.closing(opened()) as raw:
        header = header_of(raw)
        check_owner(file, header, project.known_id)
        items, changed_at, directory = raw.execute(_FACTS).fetchone()
    changed_at = None if changed_at is None else from_micros(changed_at)
    return Entry(project, file, items, changed_at, directory, header.archived_at, copy)


def find_entry(inventory: Inventory, named: str, *, rather: Sequence[State]) -> Entry:
    """The project with this id, else the one with exactly this name, else the one whose id begins so.

    Args:
        inventory: all projects.
        named: an id, a name, or at least four characters of an id.
        rather: where several have the name or the beginning, those in one of these states are meant.

    Raises:
        ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        StoreError: it has a file that cannot be used or is gone.
    """
    for is_meant in (_has_id, _has_name, _begins):
        matching = [one for one in inventory.entries if is_meant(one.project, named)]
        if matching:
            return _only([one for one in matching if one.state in rather] or matching, named)
        for problem in inventory.problems:
            if is_meant(Project(problem.project_id, problem.name or ""), named):
                raise problem.error
    raise ProjectUnknownError(
        Code.PROJECT_UNKNOWN,
        f"there is no project {shown(named)}.",
        "run `workflow-mcp projects --all` for those there are.",
    )


def _has_id(project: Project, named: str) -> bool:
    return project.id == named.lower()


def _has_name(project: Project, named: str) -> bool:
    return project.name == named


def _begins(project: Project, named: str) -> bool:
    return len(named) >= MIN_PREFIX and project.known_id.startswith(named.lower())


def _only(matching: Sequence[Entry], named: str) -> Entry:
    if len(matching) > 1:
        where = [f"{one.project.id} in {one.directory or 'no directory yet'}" for one in matching[:MAX_SHOWN_PROJECTS]]
        raise ProjectError(
            Code.PROJECT_AMBIGUOUS,
            f"{len(matching)} projects are named {shown(named)}: {', '.join(where)}.",
            "name the one that is meant by its id, or as much of its beginning as no other has.",
        )
    return matching[0]
