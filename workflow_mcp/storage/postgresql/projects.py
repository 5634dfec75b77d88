"""Finding projects by their rows. Blocking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from uuid import uuid4

from sqlalchemy import Connection, Executable, bindparam, func, select

from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, Connections
from workflow_mcp.storage.postgresql.database import add_project
from workflow_mcp.storage.projects.choice import alike, by_name, found_or_refused, id_in, only_match, page_of
from workflow_mcp.storage.tables import events, projects
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

NAMES = "names"


@dataclass(frozen=True, slots=True)
class Found:
    """All projects, in the order of their names, and which of them are archived."""

    projects: tuple[Project, ...]
    archived: frozenset[str]


def list_projects(
    connections: Connections, text: str | None, limit: int, cursor: str | None, *, archived: bool
) -> ProjectPage:
    """See `Databases`.

    Raises:
        UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        found = _all(connection)
        page = page_of(found.projects, found.archived, text=text, limit=limit, cursor=cursor, archived=archived)
        return replace(page, directories=_directories(connection, alike(found.projects, page.projects)))


def _all(connection: Connection) -> Found:
    rows = connection.execute(select(projects.c.id, projects.c.name, projects.c.archived_at)).all()
    there = sorted((Project(row.id, row.name) for row in rows), key=by_name)
    return Found(tuple(there), frozenset(row.id for row in rows if row.archived_at is not None))


def _directories(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Where projects were last changed from, by id."""
    found = {project_id: _last_directory(connection, project_id) for project_id in ids}
    return {project_id: directory for project_id, directory in found.items() if directory is not None}


def _last_directory(connection: Connection, project_id: str) -> str | None:
    see(connection, project_id)
    return connection.execute(_last(), {"of_project": project_id}).scalar()


@cache
def _last() -> Executable:
    last = select(events.c.directory).where(events.c.project_id == bindparam("of_project"))
    return last.order_by(events.c.id.desc()).limit(1)


def see(connection: Connection, project_id: str) -> None:
    """Let the rest of the transaction see another project's rows, and no longer those it saw."""
    connection.execute(select(func.set_config("workflow.project", project_id, True)))


def find_project(connections: Connections, id_or_name: str) -> Project:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        return found_or_refused(_with_id(connection, id_or_name) or _named(connection, id_or_name), id_or_name)


def _with_id(connection: Connection, id_or_name: str) -> Project | None:
    project_id = id_in(id_or_name)
    if project_id is None:
        return None
    name = connection.execute(select(projects.c.name).where(projects.c.id == project_id)).scalar()
    return None if name is None else Project(project_id, name)


def find_by_name(connections: Connections, name: str) -> Project | None:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        return _named(connection, name)


def _named(connection: Connection, name: str) -> Project | None:
    rows = connection.execute(select(projects.c.id).where(projects.c.name == name).order_by(projects.c.id)).all()
    return only_match([Project(row.id, name) for row in rows]) if rows else None


def find_or_create(connections: Connections, name: str, clock: datetime | None) -> Project:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS, lock=NAMES) as (connection, header):
        found = _named(connection, name)
        if found is not None:
            return found
        made = Project(str(uuid4()), name)
        see(connection, made.known_id)
        add_project(connection, made, clock or header.now)
        return made
