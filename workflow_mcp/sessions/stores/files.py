"""The session store on disk."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_mcp.sessions.stores.protocol import COLLECTION, Entry

if TYPE_CHECKING:
    from key_value.aio.stores.filetree import FileTreeStore

NOTE_KEYS = {"version", "collection", "directory", "created_at"}


class LazyFileTreeStore:
    """A py-key-value `FileTreeStore` that is imported and opened when it is first needed.

    The import takes 0.2 s, too long for start-up; without a folder there are no entries to read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: FileTreeStore | None = None
        self._opening = asyncio.Lock()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """See `SessionStore`."""
        if not await self._may_have_entries():
            return None
        value: dict[str, Any] | None = await (await self._store()).get(key, collection=collection)
        return value

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """See `SessionStore`."""
        await (await self._store()).put(key, value, collection=collection, ttl=ttl)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """See `SessionStore`."""
        if not await self._may_have_entries():
            return False
        return bool(await (await self._store()).delete(key, collection=collection))

    async def cull(self) -> None:
        """Remove expired entries."""
        if self._folder.is_dir():
            await (await self._store()).cull()

    async def _may_have_entries(self) -> bool:
        return self._opened is not None or await asyncio.to_thread(_is_there, self._folder / COLLECTION)

    async def _store(self) -> FileTreeStore:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(_open_file_store, self._folder)
            return self._opened


def _is_there(path: Path) -> bool:
    # Not `is_dir`, which returns False for a folder that exists and cannot be accessed.
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _open_file_store(folder: Path) -> FileTreeStore:
    from key_value.aio.stores.filetree import FileTreeStore

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = folder / f"{COLLECTION}-info.json"
    if not _leads_to(folder / COLLECTION, note):
        note.unlink(missing_ok=True)
    return FileTreeStore(data_directory=folder)


def _leads_to(collection: Path, note: Path) -> bool:
    # FileTreeStore records the path of a collection, and keeps using it after the folder has been moved.
    try:
        noted = json.loads(note.read_bytes())
        return Path(noted["directory"]).resolve() == collection.resolve() and {*noted} >= NOTE_KEYS
    except (ValueError, TypeError, KeyError, FileNotFoundError):
        return False
