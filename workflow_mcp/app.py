"""The composition root: opens and closes all services that the server and the command line use."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from workflow_mcp.session_context import SessionContextManager, adopt_session_context_manager
from workflow_mcp.sessions.bindings import Bindings
from workflow_mcp.sessions.connections import Connections
from workflow_mcp.sessions.conversations import Conversations
from workflow_mcp.sessions.looks import Looks
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.settings import Settings
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.projects import Projects
from workflow_mcp.workspace.resolver import Resolver

if TYPE_CHECKING:
    from workflow_mcp.storage.observed import Access

logger = logging.getLogger(__name__)


OK, CANCELLED, OTHER = "ok", "cancelled", "other"


class Observer(Protocol):
    """Is told what a server does, for figures about it; called in the event loop."""

    def opened(self, services: Services) -> None:
        """The services are open."""
        ...

    def called(self, tool: str, outcome: str, seconds: float) -> None:
        """A client has called a tool, which need not exist.

        The outcome is `ok`, `cancelled`, an error's code, or `other` for an error without one of ours.
        """
        ...

    def stored(self, access: Access, seconds: float) -> None:
        """A transaction of the store has ended, so long after it was asked for."""
        ...


@dataclass(slots=True)
class Stats:
    """What `health_check` counts. `started_at` is wall-clock seconds."""

    observer: Observer | None = None
    started_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.monotonic)
    calls: int = 0
    errors: int = 0

    @property
    def uptime(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self.started

    def called(self, tool: str, outcome: str, seconds: float) -> None:
        """Count a call; see `Observer.called`."""
        self.calls += 1
        self.errors += outcome not in {OK, CANCELLED}
        if self.observer is not None:
            self.observer.called(tool, outcome, seconds)


@dataclass(frozen=True, slots=True)
class Services:
    """What one running server, or one command, holds."""

    settings: Settings
    sessions: SessionContextManager
    configs: ConfigCache
    threads: WorkerThreads
    resolver: Resolver
    projects: Projects
    connections: Connections
    bindings: Bindings
    conversations: Conversations
    looks: Looks = field(default_factory=Looks)
    stats: Stats = field(default_factory=Stats)

    def connection_closed(self, key: str) -> None:
        """Remove a session from memory when its connection closes; the session store keeps its entry."""
        self.connections.closed(key)
        self.conversations.closed(key)
        self.sessions.release(key)


@asynccontextmanager
async def open_services(
    settings: Settings,
    store: SessionStore | None = None,
    *,
    call_store: SessionStore | None = None,
    clock: Callable[[], float] = time.time,
    observer: Observer | None = None,
) -> AsyncIterator[Services]:
    """Open all services of a server or a command; they are closed however the body ends.

    Args:
        settings: the settings.
        store: a store in which sessions survive the process; None keeps them in memory.
        call_store: where bindings of calls do; default: beside the sessions.
        clock: the current time, in seconds since the epoch, for sessions and connections.
        observer: is told what happens.
    """
    connections = Connections(clock=clock, hooked=settings.hook_tool)
    sessions = _sessions(settings, store, connections, clock)
    bindings, conversations = Bindings(call_store or store, clock=clock), Conversations(call_store or store)
    configs, threads = ConfigCache(), WorkerThreads(timeout=settings.file_timeout)
    projects = Projects(settings=settings, threads=threads, observe=None if observer is None else observer.stored)
    resolver = Resolver(
        sessions=sessions, configs=configs, settings=settings, threads=threads, find_project=projects.find
    )
    adopt_session_context_manager(sessions)
    try:
        async with sessions:
            logger.info("sessions are open")
            yield Services(
                settings=settings,
                sessions=sessions,
                configs=configs,
                threads=threads,
                resolver=resolver,
                projects=projects,
                connections=connections,
                bindings=bindings,
                conversations=conversations,
                stats=Stats(observer),
            )
    finally:
        await projects.aclose()
        threads.close()
        logger.info("sessions are closed")


def _sessions(
    settings: Settings, store: SessionStore | None, connections: Connections, clock: Callable[[], float]
) -> SessionContextManager:
    return SessionContextManager(
        max_sessions=settings.max_sessions,
        clock=clock,
        is_alive=connections.is_alive,
        store=store,
        stored_as=connections.stored_as,
    )
