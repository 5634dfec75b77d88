"""What is different in a project after every commit."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, Executable, bindparam, func, literal_column, select

from workflow_mcp.storage.tables import events, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction, stored_in_project


def stamp_of(tx: Transaction) -> tuple[int, str] | None:
    """The number of the last event and the version of the project's row; None where there is no project."""
    row = tx.first(_stamp())
    return None if row is None else (row.event or 0, row.version)


@cache
def _stamp() -> Executable:
    last = select(func.max(events.c.id)).where(stored_in_project(events)).scalar_subquery()
    version: ColumnElement[str] = literal_column("projects.xmin::text || projects.ctid::text").label("version")
    return select(last.label("event"), version).where(projects.c.id == bindparam(PROJECT_PARAMETER))
