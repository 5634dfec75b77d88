"""Bringing the projects of a data directory into a PostgreSQL database. Blocking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from workflow_mcp.errors import StoreError
from workflow_mcp.storage.postgresql.connections import Connections
from workflow_mcp.storage.postgresql.moving import check, take_over
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.moving import copied
from workflow_mcp.storage.sqlite.projects import read_projects
from workflow_mcp.storage.sqlite.trash import deleted_projects
from workflow_mcp.storage.transfer.moving import Contents, Outcome, contents_of
from workflow_mcp.work.values import Project


@dataclass(frozen=True, slots=True)
class Moved:
    """A project, what its file holds, and what came of it."""

    project: Project
    contents: Contents
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all projects.

    Attributes:
        moved: those whose files can be read.
        problems: why others cannot.
        trash: files of deleted projects, which stay where they are.
    """

    moved: tuple[Moved, ...]
    problems: tuple[StoreError, ...]
    trash: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all work in the files is in the database."""
        return not self.problems and all(one.outcome != "different" for one in self.moved)


def move_all(url: str, data_dir: Path, known: KnownProjects, *, pooled: bool = False, dry_run: bool = False) -> Report:
    """Bring all projects in, each whole or not at all; the files stay as they are.

    Args:
        url: where the database is.
        data_dir: the folder that `projects/` is in.
        known: which projects that has had, so that a file that is gone is missed.
        pooled: whether a pooler in transaction mode stands between.
        dry_run: only say what would come of it.

    Raises:
        StoreError: the database cannot be used, or the folder cannot be read.
    """
    found = read_projects(data_dir, known)
    problems = [one.error for one in found.problems]
    with closing(Connections(url, pooled=pooled)) as connections:
        check(connections)
        moved = tuple(_each(connections, data_dir, found.projects, problems, dry_run=dry_run))
    return Report(moved, tuple(problems), tuple(one.file for one in deleted_projects(data_dir)))


def _each(
    connections: Connections,
    data_dir: Path,
    projects: tuple[Project, ...],
    problems: list[StoreError],
    *,
    dry_run: bool,
) -> Iterator[Moved]:
    for project in projects:
        with ExitStack() as opened:
            try:
                source = opened.enter_context(copied(data_dir, project))
            except StoreError as error:
                problems.append(error)
                continue
            outcome = take_over(connections, project, source, dry_run=dry_run)
            yield Moved(project, contents_of(source), outcome)
