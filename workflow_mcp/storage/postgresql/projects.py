"""Finding projects by their rows. Blocking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Executable, and_, bindparam, delete, func, insert, select, true

from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, Connections
from workflow_mcp.storage.postgresql.database import add_project
from workflow_mcp.storage.projects.choice import alike, by_name, found_or_refused, id_in, only_match, page_of
from workflow_mcp.storage.tables import events, members, projects
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

NAMES = "names"


@dataclass(frozen=True, slots=True)
class Found:
    """All projects, in the order of their names, which of them are archived, and the roles that a principal has."""

    projects: tuple[Project, ...]
    archived: frozenset[str]
    roles: Mapping[str, Role]


def list_projects(
    connections: Connections,
    text: str | None,
    limit: int,
    cursor: str | None,
    *,
    archived: bool,
    member: str | None = None,
) -> ProjectPage:
    """See `Databases`.

    Raises:
        UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        found = _all(connection, member)
        page = page_of(found.projects, found.archived, text=text, limit=limit, cursor=cursor, archived=archived)
        directories = _directories(connection, alike(found.projects, page.projects))
        return replace(page, directories=directories, roles=found.roles)


def _all(connection: Connection, member: str | None) -> Found:
    own = and_(members.c.project_id == projects.c.id, members.c.principal == member)
    columns = select(projects.c.id, projects.c.name, projects.c.archived_at, members.c.role)
    rows = connection.execute(columns.select_from(projects.join(members, own, isouter=member is None))).all()
    there = sorted((Project(row.id, row.name) for row in rows), key=by_name)
    roles = {row.id: row.role for row in rows if row.role is not None}
    return Found(tuple(there), frozenset(row.id for row in rows if row.archived_at is not None), roles)


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


def _reachable(member: str | None) -> ColumnElement[bool]:
    """The condition that a project is one of this principal's, if there is one."""
    if member is None:
        return true()
    return projects.c.id.in_(select(members.c.project_id).where(members.c.principal == member))


def role_of(connections: Connections, project_id: str, principal: str) -> Role | None:
    """See `Databases`.

    Raises:
        StoreError: the database cannot be used.
    """
    is_this_one = and_(members.c.project_id == project_id, members.c.principal == principal)
    with connections.transaction(project_id) as (connection, _):
        role: Role | None = connection.execute(select(members.c.role).where(is_this_one)).scalar()
        return role


def find_project(connections: Connections, id_or_name: str, member: str | None = None) -> Project:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        found = _with_id(connection, id_or_name, member) or _named(connection, id_or_name, member)
        return found_or_refused(found, id_or_name, member)


def _with_id(connection: Connection, id_or_name: str, member: str | None) -> Project | None:
    project_id = id_in(id_or_name)
    if project_id is None:
        return None
    is_this_one = and_(projects.c.id == project_id, _reachable(member))
    name = connection.execute(select(projects.c.name).where(is_this_one)).scalar()
    return None if name is None else Project(project_id, name)


def find_by_name(connections: Connections, name: str, member: str | None = None) -> Project | None:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS) as (connection, _):
        return _named(connection, name, member)


def _named(connection: Connection, name: str, member: str | None) -> Project | None:
    is_one = and_(projects.c.name == name, _reachable(member))
    rows = connection.execute(select(projects.c.id).where(is_one).order_by(projects.c.id)).all()
    return only_match([Project(row.id, name) for row in rows]) if rows else None


def find_or_create(connections: Connections, name: str, clock: datetime | None, member: str | None = None) -> Project:
    """See `Databases`.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS, lock=NAMES) as (connection, header):
        found = _named(connection, name, member)
        return _created(connection, name, clock or header.now, member) if found is None else found


def create(connections: Connections, name: str, clock: datetime | None, admin: str | None) -> Project:
    """See `Databases`.

    Raises:
        StoreError: the database cannot be used.
    """
    with connections.transaction(ALL_PROJECTS, lock=NAMES) as (connection, header):
        return _created(connection, name, clock or header.now, admin)


def discard(connections: Connections, project_id: str) -> None:
    """See `Databases`.

    Raises:
        StoreError: the database cannot be used.
    """
    with connections.transaction(project_id, lock=project_id) as (connection, header):
        if header.last_change is None:
            connection.execute(delete(members).where(members.c.project_id == project_id))
            connection.execute(delete(projects).where(projects.c.id == project_id))


def _created(connection: Connection, name: str, now: datetime, admin: str | None) -> Project:
    made = Project(str(uuid4()), name)
    see(connection, made.known_id)
    add_project(connection, made, now)
    if admin is not None:
        connection.execute(insert(members).values(project_id=made.id, principal=admin, role="admin"))
    return made
