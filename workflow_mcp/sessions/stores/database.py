"""The session store that several servers share: a table of their PostgreSQL database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from workflow_mcp.sessions.stores.protocol import COLLECTION, Entry
from workflow_mcp.settings import Settings
from workflow_mcp.storage.postgresql.database import attempted
from workflow_mcp.storage.postgresql.entries import MAX_CONNECTIONS, Entries
from workflow_mcp.storage.threads import WorkerThreads

CULL_EVERY = 1_000  # entries made
NEVER = -math.inf

T = TypeVar("T")


def open_store(settings: Settings) -> DatabaseStore:
    """The store in the database that the settings name; it is connected to when it is first needed."""
    return DatabaseStore(Entries(settings.known_database_url, pooled=settings.pooled, maximum=settings.max_sessions))


class DatabaseStore:
    """A `SharedStore` in a database, which gets hashes of the keys.

    Args:
        entries: the table.
    """

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._threads = WorkerThreads()
        # Here those wait that would otherwise each hold a thread while they wait for a connection.
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._made = 0

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """See `SessionStore`."""
        found = await self._run(partial(self._entries.get, *_named(key, collection)))
        return None if found is None else dict(json.loads(found))

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """See `SessionStore`; `ttl` must be given, because nothing here lasts for ever."""
        if ttl is None:
            raise ValueError("an entry of a shared store needs a ttl")
        await self._run(partial(self._entries.put, *_named(key, collection), json.dumps(dict(value)), ttl))
        await self._cull_now_and_then()

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """See `SharedStore`."""
        return await self._run(partial(self._entries.take, *_named(key, collection)))

    async def merge(self, key: str, changed: Entry, *, collection: str, ttl: float, new: Entry | None = None) -> None:
        """See `SharedStore`."""
        named, fields = _named(key, collection), json.dumps(dict(changed))
        if new is None:
            await self._run(partial(self._entries.change, *named, fields, ttl))
        else:
            await self._run(partial(self._entries.merge, *named, fields, json.dumps({**new, **changed}), ttl))
            await self._cull_now_and_then()

    async def count(self, collection: str) -> int:
        """See `SharedStore`; who asks this wants no patience."""
        return await self._at_once(partial(self._entries.count, collection))

    async def cull(self) -> None:
        """See `SharedStore`."""
        await self._run(self._entries.cull)

    async def check(self) -> None:
        """See `SharedStore`; who asks this wants no patience."""
        await self._at_once(self._entries.check)

    async def close(self) -> None:
        """See `SharedStore`."""
        await self._run(self._entries.close)
        self._threads.close()

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._when_free(partial(attempted, work, time.monotonic()))

    async def _at_once(self, work: Callable[[], T]) -> T:
        return await self._when_free(partial(attempted, work, NEVER))

    async def _when_free(self, work: Callable[[], T]) -> T:
        async with self._free:
            return await self._threads.run(work)

    async def _cull_now_and_then(self) -> None:
        self._made += 1
        if self._made % CULL_EVERY == 0:
            await self.cull()


def _named(key: str, collection: str | None) -> tuple[str, str]:
    return collection or COLLECTION, hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
