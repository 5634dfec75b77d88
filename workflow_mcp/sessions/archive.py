"""Storing sessions in a py-key-value store, so that they survive the process.

The store gets the hash of a session key, never the key. A failed write fails no call: the session is
marked as unsaved. A failed read fails the call, which would otherwise use a directory that the session
had left.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from workflow_mcp.errors import Code, SessionError
from workflow_mcp.sessions.stores.protocol import COLLECTION, Entry, SessionStore

logger = logging.getLogger(__name__)

TEXT_FIELDS = ("working_directory", "config_path", "project_id")
STORED_FIELDS = (*TEXT_FIELDS, "set_at", "last_used")
FAR_FUTURE = 1e12  # seconds; comparing with it also excludes NaN and infinity
REFRESH_CHUNK = 200  # entries examined before yielding to the event loop: about 1 ms


def is_whole(entry: Entry) -> bool:
    """Whether an entry has all fields of a session, with valid types."""
    if any(name not in entry for name in STORED_FIELDS):
        return False
    texts, times = [entry[name] for name in TEXT_FIELDS], (entry["last_used"], entry["set_at"] or 0.0)
    return (
        all(text is None or isinstance(text, str) for text in texts)
        and os.path.isabs(entry["working_directory"] or os.path.abspath(os.sep))
        and all(isinstance(time, float | int) and abs(time) < FAR_FUTURE for time in times)
    )


def unreadable() -> SessionError:
    """The error for a session whose entry may exist but cannot be read."""
    return SessionError(
        Code.SESSION_UNREADABLE,
        "what was set for this session cannot be read from the server's data directory.",
        "repeat the call; if that fails too, call set_working_directory(directory=<absolute path>) without session "
        "and pass the session it returns, if any.",
    )


class SessionArchive:
    """Reads and writes the entries of sessions in a store.

    Args:
        store: any py-key-value store.
        stored_as: the name under which a session key is stored; None for one that is valid in this process only.
        lifetime: seconds an entry is kept after it was last saved.
        timeout: maximum seconds of one operation of the store, and of waiting for a session's lock.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        stored_as: Callable[[str], str | None],
        lifetime: float,
        timeout: float = 5.0,
    ) -> None:
        self._store = store
        self._stored_as = stored_as
        self._lifetime = lifetime
        self._timeout = timeout
        # Weak references: a lock is removed when no task holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._unsaved: set[str] = set()
        self._saved: dict[str, float] = {}
        self._absent: set[str] = set()

    def is_saved(self, session_id: str) -> bool:
        """Whether the session's last change is in the store, or does not have to be."""
        return session_id not in self._unsaved

    def is_absent(self, session_id: str) -> bool:
        """Whether the store is known to have no entry of the session, without reading it."""
        return session_id in self._absent or self._stored_as(session_id) is None

    @asynccontextmanager
    async def lock(self, session_id: str) -> AsyncIterator[None]:
        """Hold the lock on the session's entry.

        Raises:
            SessionError: `SESSION_UNREADABLE`, when the lock is not free within the timeout.
        """
        lock = self._locks.setdefault(session_id, asyncio.Lock())
        try:
            async with asyncio.timeout(self._timeout):
                await lock.acquire()
        except TimeoutError as error:
            logger.warning("the lock on a session's entry was not free within %s s", self._timeout)
            raise unreadable() from error
        try:
            yield
        finally:
            lock.release()

    async def load(self, session_id: str, *, once: bool = False) -> Entry | None:
        """The stored entry; None when there is none. The caller holds the lock.

        Args:
            session_id: the session key.
            once: if there is none, remember that and do not read again.

        Raises:
            SessionError: `SESSION_UNREADABLE`.
        """
        name = self._name(session_id)
        if name is None or session_id in self._absent:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                entry = await self._store.get(name, collection=COLLECTION)
        except Exception as error:
            logger.warning("session %s… cannot be read from the store", name[:8], exc_info=True)
            raise unreadable() from error
        if entry is None:
            if once:
                self._absent.add(session_id)
            return None
        if not is_whole(entry):
            logger.warning("session %s… is damaged in the store", name[:8])
            raise unreadable()
        self._saved[session_id] = entry["last_used"]
        return {field: entry[field] for field in STORED_FIELDS}

    async def save(self, session_id: str, entry_now: Callable[[str], Entry | None]) -> None:
        """Store what `entry_now` returns; of concurrent changes the last one is stored, as in memory."""
        name = self._name(session_id)
        if name is None:
            return
        try:
            async with self.lock(session_id):
                await self._put(session_id, name, entry_now(session_id))
        except SessionError:
            self._unsaved.add(session_id)

    async def _put(self, session_id: str, name: str, entry: Entry | None) -> None:
        if entry is None:
            self.forget(session_id)
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._store.put(name, entry, collection=COLLECTION, ttl=self._lifetime)
        except Exception:
            self._unsaved.add(session_id)
            logger.warning("session %s… is kept in memory only: the store cannot be written", name[:8], exc_info=True)
        else:
            self._saved[session_id] = entry["last_used"]
            self._unsaved.discard(session_id)
            self._absent.discard(session_id)

    async def delete(self, session_id: str) -> bool:
        """Remove a session from the store; False when it had none. The caller holds the lock.

        Raises:
            SessionError: `SESSION_NOT_REMOVED`.
        """
        name = self._name(session_id)
        if name is None or session_id in self._absent:
            self.forget(session_id)
            return False
        try:
            async with asyncio.timeout(self._timeout):
                removed = await self._store.delete(name, collection=COLLECTION)
        except Exception as error:
            logger.warning("session %s… cannot be removed from the store", name[:8], exc_info=True)
            raise SessionError(
                Code.SESSION_NOT_REMOVED,
                "what was set for this session cannot be removed from the server's data directory, and still holds.",
                "make that directory writable and repeat the call, or call set_working_directory to set another.",
            ) from error
        self.forget(session_id)
        return removed

    def forget(self, session_id: str) -> None:
        """Drop the bookkeeping for a session that is no longer in memory."""
        self._unsaved.discard(session_id)
        self._absent.discard(session_id)
        self._saved.pop(session_id, None)

    async def refresh(self, entry_now: Callable[[str], Entry | None], is_alive: Callable[[str], bool]) -> None:
        """Extend the life of entries whose sessions were used, are open or unsaved; remove expired ones."""
        for number, session_id in enumerate([*self._saved, *self._unsaved]):
            entry, saved = entry_now(session_id), self._saved.get(session_id)
            if entry is None:
                self.forget(session_id)
            elif entry["last_used"] != saved or session_id in self._unsaved or is_alive(session_id):
                await self.save(session_id, entry_now)
                await asyncio.sleep(0)
            if number % REFRESH_CHUNK == 0:
                await asyncio.sleep(0)
        cull = getattr(self._store, "cull", None)
        if cull is not None:
            await cull()

    def _name(self, session_id: str) -> str | None:
        name = self._stored_as(session_id)
        return None if name is None else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
