"""All projects, the archived and the deleted ones too, with what people know them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workflow_mcp.errors import Code, ProjectError, ProjectUnknownError, StoreError, shown
from workflow_mcp.storage.projects.choice import MAX_SHOWN_PROJECTS
from workflow_mcp.work.values import Project

State = Literal["active", "archived", "deleted"]
MIN_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """A project whose file cannot be used, and its name if that is known."""

    project_id: str
    name: str | None
    error: StoreError


@dataclass(frozen=True, slots=True)
class Entry:
    """A project.

    Attributes:
        project: its id and its stored name.
        file: where its work is; None when it is in a database of all projects.
        items: how many work items it has, deleted ones too.
        changed_at: when it was last changed; None when it never was, as `directory`.
        directory: where from.
        archived_at: when it was archived; None when it is not.
        deleted_at: when it was deleted, and `file` is what that left of it; None when it is not.
    """

    project: Project
    file: str | None
    items: int
    changed_at: datetime | None
    directory: str | None
    archived_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def state(self) -> State:
        """Whether lists have it, and if not, why."""
        if self.deleted_at is not None:
            return "deleted"
        return "active" if self.archived_at is None else "archived"


@dataclass(frozen=True, slots=True)
class Inventory:
    """The projects by name, deleted ones last, and those that cannot be read."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


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
