"""Stores over folders and databases; for workers, which import nothing of pytest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.clients.databases import Database
from workflow_mcp.storage.postgresql.store import postgresql_store
from workflow_mcp.storage.sqlite.store import MAX_OPEN_PROJECTS, sqlite_store
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.uptime import Uptime
from workflow_mcp.work.values import ItemQuery, Project

# A data directory, or a database.
DataPlace = Path | Database


@asynccontextmanager
async def open_store(
    place: DataPlace,
    *,
    clock: Callable[[], float] | None = None,
    uptime: Callable[[], Uptime | None] = lambda: None,
    max_open: int = MAX_OPEN_PROJECTS,
) -> AsyncIterator[Store]:
    """A store over a folder or a database, with threads of its own."""
    threads = WorkerThreads()
    try:
        if isinstance(place, Database):
            opened = postgresql_store(place.url, threads=threads, clock=clock)
        else:
            clock = clock or time.time
            opened = sqlite_store(place, threads=threads, clock=clock, uptime=uptime, max_open=max_open)
        async with opened as store:
            yield store
    finally:
        threads.close()


async def titles(store: Store, project: Project) -> list[str]:
    """The titles of all items, in their order."""
    found: list[str] = []
    cursor = None
    while True:
        page = await store.list_items(project, ItemQuery("all", limit=200, cursor=cursor))
        found += [one.title for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
