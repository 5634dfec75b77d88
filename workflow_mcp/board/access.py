"""Who may look at the board: a key that can be used once, traded for a cookie. Only hashes of both are stored."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property

from workflow_mcp.sessions.stores.protocol import COLLECTION, SessionStore
from workflow_mcp.work.text import name_from
from workflow_mcp.work.validation import MAX_NAME_LENGTH
from workflow_mcp.workspace.user import NOBODY

KEY_SECONDS = 120.0
SESSION_SECONDS = 7 * 86_400.0
MAX_FOUND = 1000


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at the board.

    Attributes:
        name: what they are called as an actor, without the board's mark.
        principal: whose token it was; None where the server has no tokens.
        until: when that token ends, in seconds since the epoch; None for one that ends by being removed.
        project: the id of the project that is shown first.
        project_name: what that is called where nobody has worked in it yet.
        directory: where they work in it, when the board was opened from there.
        only: whether they see no other project.
    """

    name: str
    principal: str | None = None
    until: float | None = None
    project: str | None = None
    project_name: str | None = None
    directory: str | None = None
    only: bool = False

    @property
    def actor(self) -> str:
        """Their name in the history."""
        return f"{self.name} (board)"

    def introduced(self) -> dict[str, str | None]:
        """What their page is told of them."""
        return {"actor": self.actor, "project": self.project}


def viewer_name(called: str) -> str:
    """The name for somebody who is called so: what an actor's name can be, and short enough for the board's mark."""
    return name_from(called, MAX_NAME_LENGTH - len(Viewer("").actor)) or NOBODY


class Access:
    """Makes keys, trades them for cookies, and knows whose a cookie is.

    What is looked up is the SHA-256 of a random secret, so the time that a look-up takes tells nothing about one.

    Args:
        store: keeps both, also over a restart of the server; default: this process's memory.
        clock: the current time, in seconds since the epoch.
    """

    def __init__(self, store: SessionStore | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._given_store = store
        self._clock = clock
        self._trading = asyncio.Lock()
        # No cookie is withdrawn before it expires, so one that was found once need not be read again.
        self._found: OrderedDict[str, tuple[float, Viewer]] = OrderedDict()

    @cached_property
    def _store(self) -> SessionStore:
        # Made when the first key is: it takes 0.2 s to import.
        return _memory_store() if self._given_store is None else self._given_store

    async def make_key(self, viewer: Viewer) -> str:
        """A key for the board, which is good for two minutes and one use."""
        return await self._add("board-key", viewer, KEY_SECONDS)

    async def trade(self, key: str) -> tuple[str, Viewer] | None:
        """The secret of a new cookie for a key, and whose it is; None for one that is unknown, expired or was used."""
        name = _name("board-key", key)
        async with self._trading:
            viewer = self._unless_expired(await self._stored(name))
            if viewer is None or not await self._store.delete(name, collection=COLLECTION):
                return None
        return await self._add("board", viewer, SESSION_SECONDS), viewer

    async def viewer(self, cookie: str) -> Viewer | None:
        """Whose cookie it is; None for one that is unknown or expired."""
        name = _name("board", cookie)
        found = self._found.get(name)
        if found is None and (found := await self._stored(name)) is not None:
            self._found[name] = found
            if len(self._found) > MAX_FOUND:
                self._found.popitem(last=False)
        return self._unless_expired(found)

    def has_ended(self, viewer: Viewer) -> bool:
        """Whether the token that a cookie was given for has ended by itself."""
        return viewer.until is not None and viewer.until <= self._clock()

    async def _add(self, kind: str, viewer: Viewer, seconds: float) -> str:
        secret = secrets.token_urlsafe(32)
        entry = {"viewer": asdict(viewer), "expires_at": self._clock() + seconds}
        await self._store.put(_name(kind, secret), entry, collection=COLLECTION, ttl=seconds)
        return secret

    async def _stored(self, name: str) -> tuple[float, Viewer] | None:
        """When a key or cookie expires, and whose it is."""
        entry = await self._store.get(name, collection=COLLECTION)
        return None if entry is None else (entry["expires_at"], Viewer(**entry["viewer"]))

    def _unless_expired(self, found: tuple[float, Viewer] | None) -> Viewer | None:
        return None if found is None or found[0] <= self._clock() else found[1]


def _name(kind: str, secret: str) -> str:
    return f"{kind}-{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _memory_store() -> SessionStore:
    """A store for keys and cookies that do not survive the process."""
    from key_value.aio.stores.memory import MemoryStore

    return MemoryStore()
