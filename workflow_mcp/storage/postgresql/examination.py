"""What there is in the database, for people who look after it. Blocking."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import func, select, text

from workflow_mcp.storage import tables
from workflow_mcp.storage.postgresql.check import check_database
from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, Connections
from workflow_mcp.storage.postgresql.database import attempted


def examine(url: str, *, pooled: bool = False) -> str:
    """One line about the database, which servers can work with.

    Raises:
        StoreError: they cannot; see `check_database`.
    """
    check_database(url)
    with closing(Connections(url, pooled=pooled)) as connections:

        def look() -> tuple[str, int]:
            with connections.transaction(ALL_PROJECTS) as (connection, _header):
                version = connection.execute(text("SHOW server_version")).scalar_one()
                return str(version), connection.execute(select(func.count()).select_from(tables.projects)).scalar_one()

        version, projects = attempted(look)
    return f"PostgreSQL {version}, format {tables.VERSION}, {projects} projects"
