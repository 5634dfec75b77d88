"""Hearing of commits by NOTIFY, over one connection of the process, while somebody wants to hear of some."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import psycopg
from psycopg import sql

from workflow_mcp.storage.postgresql.commits import CONNECT_TIMEOUT

logger = logging.getLogger(__name__)

CHANNEL = "workflow_mcp"
RETRY_SECONDS = 5.0
# Listeners share the lock for as long as they listen. A writer that gets it knows that nobody does, and tells nobody:
# a commit that notifies takes a lock that all databases of the server share. It gives the lock back at once, or writers
# would take each other for listeners.
NOTIFY = sql.SQL(
    "SELECT pg_notify({channel}, {project}) WHERE NOT (pg_try_advisory_lock({key}) AND pg_advisory_unlock({key})); "
)
# After this time a writer that had found nobody to tell has committed.
SETTLE_SECONDS = 5.0
_LISTEN = sql.SQL("LISTEN {channel}; SELECT pg_advisory_lock_shared({key})")


class Listener:
    """Listens while it is asked to.

    Args:
        url: the database, without a pooler between.
        key: of the advisory lock of all that listen.
        heard: called with a project's id when something was committed in it.
        changed: called when it begins or ceases to hear.
    """

    def __init__(self, url: str, key: int, *, heard: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._url = url
        self._key = key
        self._heard = heard
        self._changed = changed
        self._asked = 0
        self._task: asyncio.Task[None] | None = None
        self._since: float | None = None

    @property
    def hears(self) -> bool:
        """Whether it is told of what is committed from now on."""
        return self._since is not None

    @property
    def misses_nothing(self) -> bool:
        """Whether it has been told of all that was committed since it was last looked."""
        return self._since is not None and asyncio.get_running_loop().time() - self._since > SETTLE_SECONDS

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen while the body runs; at first it may be that nothing is heard yet."""
        self._asked += 1
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            self._asked -= 1
            if not self._asked:
                await self.end()

    async def end(self) -> None:
        """Listen no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _listen(self) -> None:
        while True:
            try:
                await self._until_lost()
            except psycopg.Error as error:
                logger.warning("changes of others are looked for, for the database tells of none: %s", error)
            finally:
                self._set(hears=False)
            await asyncio.sleep(RETRY_SECONDS)

    async def _until_lost(self) -> None:
        connecting = psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
        async with await connecting as connection:
            await connection.execute(_LISTEN.format(channel=sql.Identifier(CHANNEL), key=sql.Literal(self._key)))
            self._set(hears=True)
            async for notice in connection.notifies():
                self._heard(notice.payload)

    def _set(self, *, hears: bool) -> None:
        self._since = asyncio.get_running_loop().time() if hears else None
        self._changed()
