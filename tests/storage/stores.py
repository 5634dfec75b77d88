"""Stores over folders; for workers, which import nothing of pytest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from workflow_mcp.storage.sqlite.store import MAX_OPEN_PROJECTS, sqlite_store
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.uptime import Uptime
from workflow_mcp.work.values import ItemQuery, Project


@asynccontextmanager
async def open_store(
    data_dir: Path,
    *,
    clock: Callable[[], float] = time.time,
    uptime: Callable[[], Uptime | None] = lambda: None,
    max_open: int = MAX_OPEN_PROJECTS,
) -> AsyncIterator[Store]:
    """A store over a folder, with threads of its own."""
    threads = WorkerThreads()
    try:
        async with sqlite_store(data_dir, threads=threads, clock=clock, uptime=uptime, max_open=max_open) as store:
            yield store
    finally:
        threads.close()


async def titles(store: Store, project: Project) -> list[str]:
    """The titles of all items, in their order."""
    found = await store.list_items(project, ItemQuery("all", limit=200))
    return [one.title for one in found.items]
