"""The repositories that work in a project."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, bindparam, delete, select

from workflow_mcp.storage.tables import repositories
from workflow_mcp.storage.transactions import Transaction, in_project
from workflow_mcp.work.repositories import Repository


def repositories_of(tx: Transaction) -> tuple[Repository, ...]:
    """All repositories of the project, in the order in which they joined."""
    return tuple(Repository(row.place, row.remote, row.first_commit) for row in tx.all(_all()))


def add_repository(tx: Transaction, repository: Repository) -> None:
    """Store a repository; of one that is known already, what is known now."""
    tx.change(_removal(), [{"of_place": repository.place}])
    row = {"remote": repository.remote, "first_commit": repository.first_commit, "joined_at": tx.written_at}
    tx.add(repositories, [{"place": repository.place, **row}])


@cache
def _all() -> Executable:
    columns = repositories.c
    return select(repositories).where(in_project(repositories)).order_by(columns.joined_at, columns.place)


@cache
def _removal() -> Executable:
    return delete(repositories).where(in_project(repositories), repositories.c.place == bindparam("of_place"))
