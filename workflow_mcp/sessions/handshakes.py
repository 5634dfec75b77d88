"""The ids of handshake-era connections, where any of several servers answers any request.

There the SDK keeps nothing between two requests of a client: its `Mcp-Session-Id` is minted and checked here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from workflow_mcp.sessions.caller import CONNECTION_PREFIX
from workflow_mcp.sessions.conversations import PROCESSES
from workflow_mcp.sessions.principals import owned_digest
from workflow_mcp.sessions.stores.protocol import COLLECTION as SESSIONS
from workflow_mcp.sessions.stores.protocol import SharedStore

COLLECTION = "connections"
ID_BYTES = 20
LIFETIME = 86_400.0  # seconds since it was last used
TOUCH_EVERY = 600.0  # seconds; noting each use would double the work of a call
CANCELLED = "cancelled"
CANCELLED_SECONDS = 120.0  # no call lasts as long


@dataclass(frozen=True, slots=True)
class Handshake:
    """A connection whose id was found valid.

    Attributes:
        key: the session key of the connection.
        has_roots: whether the client said that it has roots, for which it cannot be asked here.
        shows_apps: whether it said that it shows MCP Apps.
    """

    key: str
    has_roots: bool
    shows_apps: bool = False


class Handshakes:
    """The connections of handshake-era clients, each for the principal that opened it.

    Args:
        store: where they are; the ids themselves are not.
        clock: the current time in seconds since the epoch.
    """

    def __init__(self, store: SharedStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def open(self, principal: str | None, *, has_roots: bool, shows_apps: bool = False) -> str:
        """Store a new connection and return its id: 160 bits from the system's CSPRNG as 27 URL-safe characters."""
        connection_id = secrets.token_urlsafe(ID_BYTES)
        entry = {"has_roots": has_roots, "shows_apps": shows_apps, "used_at": self._clock()}
        key = connection_key(principal, connection_id)
        await self._store.put(key, entry, collection=COLLECTION, ttl=LIFETIME + TOUCH_EVERY)
        return connection_id

    async def find(self, principal: str | None, connection_id: str) -> Handshake | None:
        """The connection; None, by the same steps, for one that is unknown, has ended, or is another principal's."""
        key = connection_key(principal, connection_id)
        entry = await self._store.get(key, collection=COLLECTION)
        if entry is None:
            return None
        if not 0 <= (now := self._clock()) - entry["used_at"] < TOUCH_EVERY:
            await self._store.merge(key, {"used_at": now}, collection=COLLECTION, ttl=LIFETIME + TOUCH_EVERY)
        return Handshake(key, bool(entry["has_roots"]), bool(entry.get("shows_apps")))

    async def cancel(self, key: str, request_id: str) -> None:
        """Note that the client of a connection has cancelled a request."""
        await self._store.put(f"{key}/{request_id}", {}, collection=CANCELLED, ttl=CANCELLED_SECONDS)

    async def wants(self, key: str, request_id: str) -> bool:
        """Whether the client has not cancelled a request, at whichever server."""
        return await self._store.get(f"{key}/{request_id}", collection=CANCELLED) is None

    async def end(self, principal: str | None, connection_id: str) -> bool:
        """Forget the connection and what was set on it; False when there is none."""
        key = connection_key(principal, connection_id)
        for collection in (SESSIONS, PROCESSES):
            await self._store.delete(key, collection=collection)
        return await self._store.delete(key, collection=COLLECTION)


def connection_key(principal: str | None, connection_id: str) -> str:
    """The session key of a connection, from which its id cannot be found out."""
    return CONNECTION_PREFIX + owned_digest(principal, connection_id)
