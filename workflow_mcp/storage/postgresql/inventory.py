"""Taking the inventory of a database. Blocking."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, Executable, bindparam, func, select, true

from workflow_mcp.settings import Settings
from workflow_mcp.storage import tables
from workflow_mcp.storage.postgresql.check import check_database
from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, Connections
from workflow_mcp.storage.postgresql.database import attempted
from workflow_mcp.storage.postgresql.projects import see
from workflow_mcp.storage.projects.choice import by_name
from workflow_mcp.storage.projects.inventory import Entry, Inventory
from workflow_mcp.work.values import Project


def inventory_of(settings: Settings) -> Inventory:
    """All projects in the database that the settings name, in one state of it.

    Raises:
        StoreError: servers cannot work with it; see `check_database`.
    """
    return Inventory(_entries(settings, true()), ())


def stored_project(settings: Settings, project: Project) -> Entry | None:
    """A project as it is stored; None when nobody has worked in it yet.

    Raises:
        StoreError: as for `inventory_of`.
    """
    return next(iter(_entries(settings, tables.projects.c.id == project.known_id)), None)


def _entries(settings: Settings, wanted: ColumnElement[bool]) -> tuple[Entry, ...]:
    url = settings.known_database_url
    check_database(url)
    columns = select(tables.projects.c.id, tables.projects.c.name, tables.projects.c.archived_at).where(wanted)
    with closing(Connections(url, pooled=settings.pooled)) as connections:

        def look() -> list[Entry]:
            with connections.transaction(ALL_PROJECTS) as (connection, _header):
                rows = connection.execute(columns).all()
                return [_entry(connection, Project(row.id, row.name), row.archived_at) for row in rows]

        return tuple(sorted(attempted(look), key=lambda one: by_name(one.project)))


def _entry(connection: Connection, project: Project, archived_at: datetime | None) -> Entry:
    see(connection, project.known_id)
    items = connection.execute(_count(), {"of_project": project.id}).scalar_one()
    last = connection.execute(_last(), {"of_project": project.id}).first()
    changed_at, directory = (None, None) if last is None else (last.at, last.directory)
    return Entry(project, None, items, changed_at, directory, archived_at)


@cache
def _count() -> Executable:
    of_project = tables.items.c.project_id == bindparam("of_project")
    return select(func.count()).select_from(tables.items).where(of_project)


@cache
def _last() -> Executable:
    changes = select(tables.events.c.at, tables.events.c.directory)
    return (
        changes.where(tables.events.c.project_id == bindparam("of_project"))
        .order_by(tables.events.c.id.desc())
        .limit(1)
    )
