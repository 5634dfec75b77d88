"""A session store in memory, in front of another one or alone."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from workflow_mcp.sessions.stores.protocol import Entry, SessionStore

logger = logging.getLogger(__name__)

MAX_ENTRIES = 10_000

Name = tuple[str | None, str]


class Remembered:
    """A `SessionStore` that answers from memory what was put or looked for before; nobody else writes its entries.

    Args:
        store: where entries survive this process; one that fails, fails no call. None: nowhere.
        max_entries: most in memory; beyond it, the one that was used longest ago goes.
    """

    def __init__(self, store: SessionStore | None = None, *, max_entries: int = MAX_ENTRIES) -> None:
        self._store = store
        self._max_entries = max_entries
        self._entries: OrderedDict[Name, dict[str, Any] | None] = OrderedDict()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """See `SessionStore`."""
        name = collection, key
        if name not in self._entries and self._store is not None:
            try:
                found = await self._store.get(key, collection=collection)
            except Exception:
                logger.warning("an entry of %s cannot be read", collection, exc_info=True)
                return None
            self._remember(name, found)
        if name in self._entries:
            self._entries.move_to_end(name)
        return self._entries.get(name)

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """See `SessionStore`."""
        self._remember((collection, key), dict(value))
        if self._store is None:
            return
        try:
            await self._store.put(key, value, collection=collection, ttl=ttl)
        except Exception:
            logger.warning("an entry of %s cannot be stored", collection, exc_info=True)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """See `SessionStore`."""
        held = self._entries.pop((collection, key), None) is not None
        if self._store is None:
            return held
        try:
            return await self._store.delete(key, collection=collection)
        except Exception:
            logger.warning("an entry of %s cannot be removed", collection, exc_info=True)
            return held

    def _remember(self, name: Name, value: dict[str, Any] | None) -> None:
        self._entries[name] = value
        self._entries.move_to_end(name)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
