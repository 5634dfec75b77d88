"""Where sessions outlive their process: a py-key-value store behind the session manager.

The store never sees a session key, only its hash. The archive never fails a call: what cannot be
written is remembered as unsaved, what cannot be read is as good as not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from key_value.aio.stores.filetree import FileTreeStore

logger = logging.getLogger(__name__)

COLLECTION = "sessions"

Entry = Mapping[str, Any]


class SessionStore(Protocol):
    """The part of py-key-value's `AsyncKeyValue` that the archive uses."""

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """The value under `key`; None when there is none or it has expired."""

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """Keep the value for `ttl` seconds."""

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """Remove the value; False when there was none."""


class FileStore:
    """A py-key-value `FileTreeStore` that is imported and opened when it is first needed.

    The import takes 0.2 s, which start-up does not have; a folder that is not there has no entries.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: FileTreeStore | None = None
        self._opening = asyncio.Lock()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """See `SessionStore`."""
        if self._opened is None and not (self._folder / COLLECTION).is_dir():
            return None
        value: dict[str, Any] | None = await (await self._store()).get(key, collection=collection)
        return value

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """See `SessionStore`."""
        await (await self._store()).put(key, value, collection=collection, ttl=ttl)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """See `SessionStore`."""
        return bool(await (await self._store()).delete(key, collection=collection))

    async def cull(self) -> None:
        """Remove what has expired."""
        if self._folder.is_dir():
            await (await self._store()).cull()

    async def _store(self) -> FileTreeStore:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(_open_file_store, self._folder)
            return self._opened


def _open_file_store(folder: Path) -> FileTreeStore:
    from key_value.aio.stores.filetree import FileTreeStore  # noqa: PLC0415 - 0.2 s, see FileStore

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileTreeStore(data_directory=folder)


class SessionArchive:
    """Saves and finds the entries of sessions in a store.

    Args:
        store: any py-key-value store.
        stored_as: the lasting name of a session key; None for one that must not outlive its process.
        lifetime: seconds an entry is kept after it was last saved.
        patience: seconds one operation of the store may take.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        stored_as: Callable[[str], str | None],
        lifetime: float,
        patience: float = 2.0,
    ) -> None:
        self._store = store
        self._stored_as = stored_as
        self._lifetime = lifetime
        self._patience = patience
        self._saving: dict[str, asyncio.Lock] = {}
        self._unsaved: set[str] = set()
        self._saved: dict[str, float] = {}

    def is_saved(self, session_id: str) -> bool:
        """Whether the session's last change reached the store, or need not."""
        return session_id not in self._unsaved

    async def load(self, session_id: str) -> Entry | None:
        """The stored entry; None when there is none or it cannot be read."""
        name = self._name(session_id)
        if name is None:
            return None
        try:
            async with asyncio.timeout(self._patience):
                return await self._store.get(name, collection=COLLECTION)
        except Exception:
            logger.warning("session %s… cannot be read from the store", name[:8], exc_info=True)
            return None

    async def save(self, session_id: str, entry_now: Callable[[], Entry | None]) -> None:
        """Store what `entry_now` returns; the last of several concurrent changes wins, as in memory."""
        name = self._name(session_id)
        if name is None:
            return
        lock = self._saving.setdefault(name, asyncio.Lock())
        try:
            async with lock, asyncio.timeout(self._patience):
                entry = entry_now()
                if entry is not None:
                    await self._store.put(name, entry, collection=COLLECTION, ttl=self._lifetime)
                    self._saved[session_id] = entry["last_used"]
            self._unsaved.discard(session_id)
        except Exception:
            self._unsaved.add(session_id)
            logger.warning("session %s… is kept in memory only: the store cannot be written", name[:8], exc_info=True)
        finally:
            if not lock.locked():
                self._saving.pop(name, None)

    async def delete(self, *session_ids: str) -> None:
        """Remove sessions from the store."""
        for session_id in session_ids:
            self.forget(session_id)
            name = self._name(session_id)
            if name is not None:
                await self._delete(name)

    async def _delete(self, name: str) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._store.delete(name, collection=COLLECTION)
        except Exception:
            logger.warning("session %s… cannot be removed from the store", name[:8], exc_info=True)

    def forget(self, session_id: str) -> None:
        """Keep no notes about a session that memory no longer holds."""
        self._unsaved.discard(session_id)
        self._saved.pop(session_id, None)

    async def refresh(self, entry_now: Callable[[str], Entry | None], is_alive: Callable[[str], bool]) -> None:
        """Prolong the entries of sessions that were used or are open, and remove those that have expired."""
        for session_id, saved in list(self._saved.items()):
            entry = entry_now(session_id)
            if entry is None:
                self.forget(session_id)
            elif entry["last_used"] > saved or is_alive(session_id):
                await self.save(session_id, partial(entry_now, session_id))
        cull = getattr(self._store, "cull", None)
        if cull is not None:
            await cull()

    def _name(self, session_id: str) -> str | None:
        name = self._stored_as(session_id)
        return None if name is None else hashlib.sha256(name.encode()).hexdigest()
