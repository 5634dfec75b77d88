"""The composition root: opens and closes all services that a server uses."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from workflow_mcp.errors import StoreError
from workflow_mcp.session_context import SessionContextManager, adopt_session_context_manager
from workflow_mcp.sessions.bindings import Bindings
from workflow_mcp.sessions.connections import Connections
from workflow_mcp.sessions.conversations import Conversations
from workflow_mcp.sessions.looks import MAX_CONVERSATIONS, Looks
from workflow_mcp.sessions.shared import SharedSessionContextManager
from workflow_mcp.sessions.stores.memory import Remembered
from workflow_mcp.sessions.stores.protocol import SessionStore, SharedStore
from workflow_mcp.settings import Settings
from workflow_mcp.storage.folders import check_writable
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.locator import Locator
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

    def storing(self, access: Access) -> AbstractContextManager[None]:
        """Entered while a transaction of the store is waited for and runs."""
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
    """What one running server holds.

    Attributes:
        shared: what this server shares with others on the same database; None without one.
    """

    settings: Settings
    sessions: SessionContextManager
    configs: ConfigCache
    threads: WorkerThreads
    resolver: Resolver
    projects: Projects
    connections: Connections
    bindings: Bindings
    conversations: Conversations
    looks: Looks
    shared: SharedStore | None
    stats: Stats = field(default_factory=Stats)

    async def session_count(self) -> int | None:
        """How many sessions there are; None while the store in which servers share them does not answer."""
        try:
            return await self.sessions.get_session_count()
        except StoreError as error:
            logger.warning("sessions cannot be counted: %s", error)
            return None

    async def check_data(self) -> None:
        """Check that data can be stored where it is to be.

        Raises:
            StoreError: not in the database, or see `check_writable`.
        """
        if self.shared is not None:
            await self.shared.check()
        else:
            folder = str(self.settings.data_dir)
            await self.threads.run_bounded(folder, partial(check_writable, folder))

    async def connection_closed(self, key: str) -> None:
        """Remove a session from memory when its connection closes; the session store keeps its entry."""
        self.connections.closed(key)
        await self.conversations.closed(key)
        self.sessions.release(key)


@dataclass(frozen=True, slots=True)
class _Memory:
    """All that is remembered of clients from one call to the next."""

    sessions: SessionContextManager
    bindings: Bindings
    conversations: Conversations
    looks: Looks
    shared: SharedStore | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Remember while the body runs."""
        adopt_session_context_manager(self.sessions)
        try:
            async with self.sessions:
                yield
        finally:
            if self.shared is not None:
                await self.shared.close()


def _in_memory(
    settings: Settings,
    connections: Connections,
    clock: Callable[[], float],
    store: SessionStore | None,
    call_store: SessionStore | None,
) -> _Memory:
    sessions = SessionContextManager(
        max_sessions=settings.max_sessions,
        clock=clock,
        is_alive=connections.is_alive,
        store=store,
        stored_as=connections.stored_as,
    )
    conversations = Conversations(Remembered(call_store), processes=Remembered())
    looks = Looks(Remembered(max_entries=MAX_CONVERSATIONS))
    return _Memory(sessions, Bindings(call_store, clock=clock), conversations, looks)


def _shared(settings: Settings, connections: Connections, clock: Callable[[], float], store: SharedStore) -> _Memory:
    sessions = SharedSessionContextManager(
        store,
        max_sessions=settings.max_sessions,
        clock=clock,
        is_alive=connections.is_alive,
        stored_as=connections.stored_as,
    )
    bindings, conversations = Bindings(store, clock=clock, shared=True), Conversations(store, processes=store)
    return _Memory(sessions, bindings, conversations, Looks(store), store)


def _shared_store(settings: Settings) -> SharedStore | None:
    if settings.database_url is None:
        return None
    # Imported here alone, because SQLAlchemy and the driver take 0.3 s.
    store: SharedStore = import_module("workflow_mcp.sessions.stores.database").open_store(settings)
    return store


@asynccontextmanager
async def open_services(
    settings: Settings,
    store: SessionStore | None = None,
    *,
    call_store: SessionStore | None = None,
    clock: Callable[[], float] = time.time,
    observer: Observer | None = None,
) -> AsyncIterator[Services]:
    """Open all services of a server; they are closed however the body ends.

    With a database URL, all that is remembered of clients is there, and the two stores are not used.

    Args:
        settings: the settings.
        store: a store in which sessions survive the process; None keeps them in memory.
        call_store: where bindings of calls do; default: beside the sessions.
        clock: the current time, in seconds since the epoch, for sessions and connections.
        observer: is told what happens.
    """
    connections = Connections(clock=clock, hooked=settings.hook_tool)
    configs, threads = ConfigCache(), WorkerThreads(timeout=settings.file_timeout)
    if (shared := _shared_store(settings)) is not None:
        memory = _shared(settings, connections, clock, shared)
    else:
        memory = _in_memory(settings, connections, clock, store, call_store or store)
    projects = Projects(settings=settings, threads=threads, observe=None if observer is None else observer.storing)
    locator = Locator(settings=settings, configs=configs, threads=threads)
    resolver = Resolver(sessions=memory.sessions, locator=locator, settings=settings, find_project=projects.find)
    try:
        async with memory.open():
            logger.info("sessions are open")
            yield Services(
                settings=settings,
                sessions=memory.sessions,
                configs=configs,
                threads=threads,
                resolver=resolver,
                projects=projects,
                connections=connections,
                bindings=memory.bindings,
                conversations=memory.conversations,
                looks=memory.looks,
                shared=memory.shared,
                stats=Stats(observer),
            )
    finally:
        await projects.aclose()
        threads.close()
        logger.info("sessions are closed")
