"""What a command needs of the projects, and no more: no sessions, and nothing of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from workflow_mcp.settings import Settings
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.locator import Locator
from workflow_mcp.workspace.projects import Projects


@dataclass(frozen=True, slots=True)
class LocalProjects:
    """The locations of directories, and the data of their projects."""

    locator: Locator
    projects: Projects


@asynccontextmanager
async def open_local(settings: Settings) -> AsyncIterator[LocalProjects]:
    """Open the projects for one command; they are closed however the body ends."""
    threads = WorkerThreads(timeout=settings.file_timeout)
    projects = Projects(settings=settings, threads=threads)
    try:
        yield LocalProjects(Locator(settings=settings, configs=ConfigCache(), threads=threads), projects)
    finally:
        await projects.aclose()
        threads.close()
