"""Taking a project over from another database. Blocking."""

from __future__ import annotations

from functools import partial

from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, Connections
from workflow_mcp.storage.postgresql.database import add_project, attempted
from workflow_mcp.storage.postgresql.search import find_texts
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.storage.transfer.moving import Outcome, contents_of, move, state_of
from workflow_mcp.work.values import Project


def check(connections: Connections) -> None:
    """Check that the database can be used.

    Raises:
        StoreError: it cannot.
    """

    def look() -> None:
        with connections.transaction(ALL_PROJECTS):
            return

    attempted(look)


def take_over(connections: Connections, project: Project, source: Transaction, *, dry_run: bool = False) -> Outcome:
    """Bring all of a project into the database, or nothing of it; with `dry_run` only say what that would come to.

    Raises:
        StoreError: the database cannot be used.
    """
    return attempted(partial(_look if dry_run else _take_over, connections, project, source))


def _look(connections: Connections, project: Project, source: Transaction) -> Outcome:
    with connections.transaction(project.known_id) as (connection, header):
        return state_of(Transaction(connection, project.known_id, header.now, find_texts), contents_of(source))


def _take_over(connections: Connections, project: Project, source: Transaction) -> Outcome:
    with connections.transaction(project.known_id, lock=project.known_id) as (connection, header):
        if not header.is_there:
            add_project(connection, project, header.now)
        return move(Transaction(connection, project.known_id, header.now, find_texts), source)
