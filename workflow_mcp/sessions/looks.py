"""What each conversation saw of its project when it last looked, so that it can be told only what changed."""

from __future__ import annotations

import hashlib
from functools import cache

from pydantic import TypeAdapter

from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.work.overview import Overview

COLLECTION = "looks"
LIFETIME = 86_400.0  # seconds
MAX_CONVERSATIONS = 1_000


class Looks:
    """The last overview of each conversation, by the name of its main agent.

    Args:
        store: where they are.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    async def exchange(self, name: str, overview: Overview) -> Overview | None:
        """Remember an overview; the one before it, None when there is none or it is of another project."""
        key = hashlib.sha256(name.encode()).hexdigest()
        entry = await self._store.get(key, collection=COLLECTION)
        now = _overviews().dump_python(overview, mode="json")
        await self._store.put(key, now, collection=COLLECTION, ttl=LIFETIME)
        before = None if entry is None else _overviews().validate_python(entry)
        return before if before is not None and before.project == overview.project else None


@cache
def _overviews() -> TypeAdapter[Overview]:
    return TypeAdapter(Overview)
