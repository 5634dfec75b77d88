"""The store with SQLite files in a data directory."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from workflow_mcp.settings import Settings
from workflow_mcp.storage.observed import Observe, observed
from workflow_mcp.storage.sqlite.databases import SqliteDatabases
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.times import Clock
from workflow_mcp.storage.uptime import Uptime, machine_uptime

MAX_OPEN_PROJECTS = 32


def sqlite_store(
    data_dir: Path,
    *,
    state_dir: Path | None = None,
    threads: WorkerThreads,
    clock: Callable[[], float] = time.time,
    uptime: Callable[[], Uptime | None] = lambda: None,
    max_open: int = MAX_OPEN_PROJECTS,
    observe: Observe | None = None,
) -> Store:
    """A store with a SQLite file for each project in a data directory.

    Args:
        data_dir: the folder that `projects/` is in; created when needed, accessible by its owner only.
        state_dir: the folder that remembers which projects there are; None remembers them in memory.
        threads: run the blocking work.
        clock: the current time, in seconds since the epoch.
        uptime: how long the machine has been up, which tells when its clock was set.
        max_open: how many files stay open.
        observe: is entered while a transaction is waited for; see `observed`.
    """

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), tz=UTC)

    known = KnownProjects(data_dir, state_dir)
    databases = SqliteDatabases(data_dir, known=known, clock=Clock(now, uptime), maximum=max_open, threads=threads)
    return Store(observed(databases, observe), threads=threads)


def store_of(settings: Settings, *, threads: WorkerThreads, observe: Observe | None = None) -> Store:
    """The store that the settings name."""
    return sqlite_store(
        settings.data_dir, state_dir=settings.state_dir, threads=threads, uptime=machine_uptime, observe=observe
    )
