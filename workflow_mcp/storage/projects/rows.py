"""What a project says of itself: its name, and whether it is archived."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, bindparam, select, update

from workflow_mcp.storage.members.rows import require, role_of
from workflow_mcp.storage.tables import projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction


def name_for(tx: Transaction, principal: str | None) -> str | None:
    """What the project is called; None where this principal is no member of it."""
    if principal is not None and role_of(tx, principal) is None:
        return None
    row = tx.first(_name())
    return None if row is None else str(row.name)


def rename(tx: Transaction, name: str) -> None:
    """Give the project a name.

    Raises:
        ProjectError: see `require`, as in `set_archived`.
    """
    require(tx, "admin")
    tx.change(_change("name"), [{"value": name}])


def set_archived(tx: Transaction, *, archived: bool) -> bool:
    """Archive the project, or end that; whether it was otherwise before."""
    require(tx, "admin")
    row = tx.first(_archived_at())
    if row is None or (row.archived_at is not None) is archived:
        return False
    tx.change(_change("archived_at"), [{"value": tx.written_at if archived else None}])
    return True


@cache
def _name() -> Executable:
    return select(projects.c.name).where(projects.c.id == bindparam(PROJECT_PARAMETER))


@cache
def _archived_at() -> Executable:
    return select(projects.c.archived_at).where(projects.c.id == bindparam(PROJECT_PARAMETER))


@cache
def _change(column: str) -> Executable:
    return (
        update(projects)
        .where(projects.c.id == bindparam(PROJECT_PARAMETER))
        .values({column: bindparam("value", type_=projects.c[column].type)})
    )
