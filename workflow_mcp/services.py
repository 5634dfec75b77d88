"""What one running server holds, opened and closed as a whole."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from workflow_mcp.caller import HANDLE_PREFIX, PROCESS_KEY, Transport
from workflow_mcp.config import ConfigCache
from workflow_mcp.file_work import FileWork
from workflow_mcp.projects import Projects
from workflow_mcp.session_context import SessionContextManager, adopt_session_context_manager
from workflow_mcp.session_store import SessionStore
from workflow_mcp.settings import Settings
from workflow_mcp.workspace import Resolver

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Stats:
    """What `health_check` counts. `started_at` is wall-clock seconds."""

    started_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.monotonic)
    calls: int = 0
    errors: int = 0

    @property
    def uptime(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self.started


class Connections:
    """The connections that are known to be open, and what their sessions are called where they outlive them."""

    def __init__(self, claude_session_id: str | None) -> None:
        self._open: set[str] = set()
        self._launched: set[str] = set()
        self._claude_session_id = claude_session_id
        self._instance = secrets.token_hex(8)

    def opened(self, key: str, transport: Transport) -> bool:
        """Note an open connection; False when it was known."""
        if key in self._open:
            return False
        self._open.add(key)
        if transport == "stdio":
            self._launched.add(key)
        return True

    def closed(self, key: str) -> None:
        """Note that a connection has closed."""
        self._open.discard(key)
        self._launched.discard(key)

    def actor(self, key: str | None) -> str | None:
        """A short name for whoever has a session: the same again after a restart where the session is; else None."""
        if key is None:
            return None
        lasting = self.stored_as(key) or (f"{self._instance}:{key}" if key == PROCESS_KEY else key)
        return f"s-{hashlib.sha256(lasting.encode()).hexdigest()[:6]}"

    def is_alive(self, key: str) -> bool:
        """Whether the session's connection is open; the process's own always is."""
        return key == PROCESS_KEY or key in self._open

    def stored_as(self, key: str) -> str | None:
        """The lasting name of a session: a handle's own, Claude Code's for the server it launched, else none."""
        if key.startswith(HANDLE_PREFIX):
            return key
        return f"claude:{self._claude_session_id}" if key in self._launched and self._claude_session_id else None


@dataclass(frozen=True, slots=True)
class Services:
    """What one running server holds."""

    settings: Settings
    sessions: SessionContextManager
    configs: ConfigCache
    files: FileWork
    resolver: Resolver
    projects: Projects
    connections: Connections
    stats: Stats

    def connection_closed(self, key: str) -> None:
        """Forget a session whose connection has closed; what must outlive it is in the store."""
        self.connections.closed(key)
        self.sessions.release(key)


@asynccontextmanager
async def open_services(
    settings: Settings, store: SessionStore | None, *, clock: Callable[[], float] = time.time
) -> AsyncIterator[Services]:
    """Everything a server needs, closed again on every way out."""
    connections = Connections(settings.claude_session_id)
    sessions = SessionContextManager(
        max_sessions=settings.max_sessions,
        clock=clock,
        is_alive=connections.is_alive,
        store=store,
        stored_as=connections.stored_as,
    )
    configs, files = ConfigCache(), FileWork(timeout=settings.file_timeout)
    projects = Projects(settings=settings, files=files)
    resolver = Resolver(sessions=sessions, configs=configs, settings=settings, files=files, find_project=projects.find)
    adopt_session_context_manager(sessions)
    try:
        async with sessions:
            logger.info("sessions are open")
            yield Services(settings, sessions, configs, files, resolver, projects, connections, Stats())
    finally:
        await projects.aclose()
        files.close()
        logger.info("sessions are closed")
