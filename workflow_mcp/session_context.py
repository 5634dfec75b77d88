"""Sessions: the directory and project that each client has set, by session key.

`SessionContextManager` holds them in memory, removes those that are idle for too long and, given a
store, writes every change to it, so that they survive a restart of the server.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self

from workflow_mcp.errors import SessionError
from workflow_mcp.sessions.archive import STORED_FIELDS, SessionArchive
from workflow_mcp.sessions.stores.protocol import Entry, SessionStore

logger = logging.getLogger(__name__)

SWEEP_INTERVAL = 3600.0
MAX_IDLE = 86_400.0
MAX_SESSIONS = 10_000
SWEEP_CHUNK = 2_000  # sessions swept before yielding to the event loop: about 2 ms


@dataclass(slots=True)
class SessionContext:
    """One client's session.

    Attributes:
        session_id: the session key.
        working_directory: absolute path set by the client; None until it sets one.
        config_path: the config that applies there; None without one, and when the project was chosen.
        project_id: the project that the config names or that was chosen; None without either.
        set_at: when the session was first created, wall-clock seconds; setting another directory does not change it.
        last_used: when the session was last used, wall-clock seconds.
    """

    session_id: str
    working_directory: str | None = None
    config_path: str | None = None
    project_id: str | None = None
    set_at: float | None = None
    last_used: float = 0.0


class SessionContextManager:
    """Keeps `SessionContext`s; safe to use from many tasks and threads, and in successive event loops.

    Args:
        interval: seconds between sweeps.
        max_idle: seconds after which an unused session is removed.
        clock: wall-clock seconds; may jump in either direction.
        max_sessions: beyond it, the least recently used session is removed.
        is_alive: whether a session's connection is open; such a session is never removed.
        store: a py-key-value store in which sessions survive the process; None keeps them in memory only. A call
            raises `SessionError` when its session cannot be read from the store, or cannot be removed from it.
        stored_as: the name under which a session key is stored; None for a key that is valid in this process only.
    """

    def __init__(
        self,
        *,
        interval: float = SWEEP_INTERVAL,
        max_idle: float = MAX_IDLE,
        clock: Callable[[], float] = time.time,
        max_sessions: int = MAX_SESSIONS,
        is_alive: Callable[[str], bool] = lambda _session_id: False,
        store: SessionStore | None = None,
        stored_as: Callable[[str], str | None] = str,
    ) -> None:
        self._interval = interval
        self._max_idle = max_idle
        self._clock = clock
        self._max_sessions = max_sessions
        self._is_alive = is_alive
        self._archive = (
            None if store is None else SessionArchive(store, stored_as=stored_as, lifetime=max_idle + interval)
        )
        self._sessions: OrderedDict[str, SessionContext] = OrderedDict()
        # A threading lock, because asyncio's belong to one event loop; it is never held across an await.
        self._lock = threading.Lock()
        self._cleanup_task: asyncio.Task[None] | None = None
        self._running = False

    @property
    def running(self) -> bool:
        """Whether the sweep runs in an event loop that is still open."""
        task = self._cleanup_task
        return self._running and task is not None and not task.done() and not task.get_loop().is_closed()

    async def start(self) -> None:
        """Begin the sweep; does nothing when it already runs, restarts it when it has died."""
        if self.running and self._cleanup_task and self._cleanup_task.get_loop() is asyncio.get_running_loop():
            return
        self._running = True
        self._cleanup_task = asyncio.get_running_loop().create_task(self._cleanup_loop(), name="session-sweep")

    async def stop(self) -> None:
        """Cancel the sweep and wait until it has ended; does nothing when it does not run."""
        task, self._cleanup_task, self._running = self._cleanup_task, None, False
        if task is None or (loop := task.get_loop()).is_closed():
            return
        if loop is not asyncio.get_running_loop():
            loop.call_soon_threadsafe(task.cancel)
            return
        task.cancel()
        # Unlike awaiting the task, `wait` raises only when this call itself is cancelled.
        await asyncio.wait({task})

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def set_working_directory(
        self, session_id: str, directory: str, *, config_path: str | None = None, project_id: str | None = None
    ) -> None:
        """Set the session's working directory and what was found there; creates the session, updates `last_used`."""
        with suppress(SessionError):  # it is logged; the entry that cannot be read is overwritten below
            await self._restore(session_id)
        with self._lock:
            session = self._used_now(session_id)
            session.working_directory, session.config_path, session.project_id = directory, config_path, project_id
            evicted = self._evict()
        await self._save(session_id, evicted)

    async def get_working_directory(self, session_id: str) -> str | None:
        """The session's working directory; updates `last_used`. None for an unknown session, which is not created."""
        await self._restore(session_id)
        with self._lock:
            if session_id not in self._sessions:
                return None
            return self._used_now(session_id).working_directory

    async def touch(self, session: SessionContext) -> None:
        """Update `last_used` of a session that has just been read."""
        await self.get_working_directory(session.session_id)

    async def get_session(self, session_id: str) -> SessionContext | None:
        """A copy of the session; does not update `last_used`. None when it is unknown or has expired."""
        await self._restore(session_id)
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None or self._is_stale(session, self._clock()):
                return None
            return replace(session)

    async def set_project(self, session_id: str, *, config_path: str | None, project_id: str | None) -> None:
        """Set the session's project, creating the session if needed; without a `config_path` it counts as chosen."""
        await self._restore(session_id)
        with self._lock:
            session = self._used_now(session_id)
            session.config_path, session.project_id = config_path, project_id
            evicted = self._evict()
        await self._save(session_id, evicted)

    async def end_session(self, session_id: str) -> bool:
        """Remove the session from memory and from the store; False when neither had it."""
        archive = self._archive
        async with nullcontext() if archive is None else archive.lock(session_id):
            stored = archive is not None and await archive.delete(session_id)
            with self._lock:
                return self._sessions.pop(session_id, None) is not None or stored

    def release(self, session_id: str) -> None:
        """Remove the session from memory because its connection has closed; the store keeps its entry."""
        with self._lock:
            self._sessions.pop(session_id, None)
        if self._archive is not None:
            self._archive.forget(session_id)

    async def get_session_count(self) -> int:
        """How many sessions are held in memory."""
        return len(self._sessions)

    def is_saved(self, session_id: str) -> bool:
        """Whether the session's last change was stored; True without a store."""
        return self._archive is None or self._archive.is_saved(session_id)

    def _used_now(self, session_id: str) -> SessionContext:
        now = self._clock()
        session = self._sessions.setdefault(session_id, SessionContext(session_id, set_at=now))
        self._sessions.move_to_end(session_id)
        session.last_used = now
        return session

    def _evict(self) -> list[str]:
        evicted: list[str] = []
        for _ in range(len(self._sessions) - 1):
            if len(self._sessions) <= self._max_sessions:
                break
            oldest = next(iter(self._sessions))
            if self._is_alive(oldest):
                self._sessions.move_to_end(oldest)
            else:
                del self._sessions[oldest]
                evicted.append(oldest)
        return evicted

    def _is_stale(self, session: SessionContext, now: float) -> bool:
        return now - session.last_used > self._max_idle and not self._is_alive(session.session_id)

    async def _restore(self, session_id: str) -> None:
        archive = self._archive
        if archive is None or session_id in self._sessions or archive.is_absent(session_id):
            return
        async with archive.lock(session_id):
            await self._look_up(session_id, archive)
        with self._lock:
            evicted = self._evict()
        await self._drop(evicted, archive)

    async def _look_up(self, session_id: str, archive: SessionArchive) -> None:
        if session_id in self._sessions:
            return
        # Looked up once for each connection: only this process writes under its key while it is open.
        entry = await archive.load(session_id, once=self._is_alive(session_id))
        session = None if entry is None else SessionContext(session_id, **entry)
        with self._lock:
            if session is not None and not self._is_stale(session, self._clock()):
                self._sessions.setdefault(session_id, session)

    async def _save(self, session_id: str, evicted: Sequence[str] = ()) -> None:
        if self._archive is not None:
            await self._archive.save(session_id, self._entry)
            await self._drop(evicted, self._archive)

    async def _drop(self, evicted: Sequence[str], archive: SessionArchive) -> None:
        for session_id in evicted:
            with suppress(SessionError):  # it is logged
                async with archive.lock(session_id):
                    if session_id not in self._sessions:
                        await archive.delete(session_id)

    def _entry(self, session_id: str) -> Entry | None:
        with self._lock:
            session = self._sessions.get(session_id)
            return None if session is None else {name: getattr(session, name) for name in STORED_FIELDS}

    async def _cleanup_loop(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._cleanup_stale_sessions()
            except Exception:
                logger.exception("the sweep of idle sessions failed; the next one is in %s s", self._interval)

    async def _cleanup_stale_sessions(self) -> int:
        """Remove the sessions idle for longer than `max_idle`; yields to the event loop every few ms."""
        removed, keys = 0, iter(list(dict.keys(self._sessions)))  # an OrderedDict's own iterator takes 10 ms
        while chunk := list(islice(keys, SWEEP_CHUNK)):
            removed += self._sweep(chunk)
            await asyncio.sleep(0)
        if self._archive is not None:
            await self._archive.refresh(self._entry, self._is_alive)
        logger.debug("swept %d idle sessions", removed)
        return removed

    def _sweep(self, session_ids: list[str]) -> int:
        now = self._clock()
        with self._lock:
            held = [session for session_id in session_ids if (session := self._sessions.get(session_id))]
            for session in held:
                # Otherwise a clock that is set back would keep sessions for too long.
                session.last_used = min(session.last_used, now)
            stale = [session for session in held if self._is_stale(session, now)]
            for session in stale:
                del self._sessions[session.session_id]
        return len(stale)


_manager: SessionContextManager | None = None
_manager_lock = threading.Lock()


def get_session_context_manager() -> SessionContextManager:
    """The process's manager: the running server's, else one with the default arguments."""
    global _manager  # noqa: PLW0603 - the one accessor to process state that the contract names
    with _manager_lock:
        _manager = _manager or SessionContextManager()
        return _manager


def adopt_session_context_manager(manager: SessionContextManager) -> None:
    """Make `manager` the process's manager, unless another one is running."""
    global _manager  # noqa: PLW0603 - the same accessor
    with _manager_lock:
        if _manager is None or not _manager.running:
            _manager = manager
