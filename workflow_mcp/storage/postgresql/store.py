"""The store in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from workflow_mcp.settings import Settings
from workflow_mcp.storage.observed import Observe, observed
from workflow_mcp.storage.postgresql.connections import Connections
from workflow_mcp.storage.postgresql.databases import PostgresqlDatabases
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads


def postgresql_store(
    url: str,
    *,
    pooled: bool = False,
    threads: WorkerThreads,
    clock: Callable[[], float] | None = None,
    observe: Observe | None = None,
) -> Store:
    """A store in a database that `schema.migrate` has prepared; it is connected to when it is first needed.

    Args:
        url: where the database is.
        pooled: whether a pooler in transaction mode stands between.
        threads: run the blocking work.
        clock: the current time, in seconds since the epoch; None for the database's own.
        observe: is entered while a transaction is waited for; see `observed`.
    """
    now = None if clock is None else lambda: datetime.fromtimestamp(clock(), tz=UTC)
    databases = PostgresqlDatabases(Connections(url, pooled=pooled), clock=now, threads=threads)
    return Store(observed(databases, observe), threads=threads)


def store_of(settings: Settings, *, threads: WorkerThreads, observe: Observe | None = None) -> Store:
    """The store that the settings name."""
    return postgresql_store(settings.known_database_url, pooled=settings.pooled, threads=threads, observe=observe)
