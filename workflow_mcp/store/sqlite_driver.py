"""Connections to one SQLite file: SQLAlchemy in aiosqlite's thread, so that a transaction is one trip there and back.

Through SQLAlchemy's own asyncio layer every statement is a trip of its own, and eight of them cost
more than all the work they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, cast

import aiosqlite
from sqlalchemy import Connection, Engine, NullPool, create_engine

T = TypeVar("T")


class FileConnection:
    """One connection and the thread it lives in, opened by the first that uses it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._core: Connection | None = None
        self._opening: asyncio.Task[aiosqlite.Connection] | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, run in the connection's thread; after what was given to it before, and to its end."""
        trip: Any = (await self._opened())._execute  # noqa: SLF001 - aiosqlite's own methods are all made of it
        return cast("T", await trip(lambda: work(cast("Connection", self._core))))

    async def close(self) -> None:
        """Close the file and end the thread."""
        if self._opening is not None and not _has_failed(self._opening):
            await self.run(lambda core: core.close())
            await (await self._opened()).close()

    async def _opened(self) -> aiosqlite.Connection:
        if self._opening is None or _has_failed(self._opening):
            self._opening = asyncio.create_task(self._open())
        # A caller that goes away meanwhile leaves it to the next one.
        return await asyncio.shield(self._opening)

    async def _open(self) -> aiosqlite.Connection:
        connection = aiosqlite.Connection(self._connect, iter_chunk_size=64)
        # A thread that waits on a dead disk must not keep the process. Until 0.22 a connection was its thread.
        thread: Any = getattr(connection, "_thread", connection)
        thread.daemon = True
        return await connection

    def _connect(self) -> sqlite3.Connection:
        self._core = self._engine.connect()
        return cast("sqlite3.Connection", self._core.connection.driver_connection)


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


class FileConnections:
    """The connections to a file, at most so many at once; opened when needed and kept.

    Args:
        open_file: opens the file; blocking.
        most: how many there are at most; who comes then waits for one.
    """

    def __init__(self, open_file: Callable[[], sqlite3.Connection], *, most: int) -> None:
        # Transactions are begun and ended by hand, and a thread keeps what it opened.
        self._engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool, pool_reset_on_return=None)
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._idle: list[FileConnection] = []

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[FileConnection]:
        """A connection that nobody else uses meanwhile."""
        async with self._free:
            connection = self._idle.pop() if self._idle else FileConnection(self._engine)
            try:
                yield connection
            finally:
                self._idle.append(connection)

    async def close(self) -> None:
        """Close all of them, once they are not in use any more."""
        async with contextlib.AsyncExitStack() as used:
            for _ in range(self._most):
                await used.enter_async_context(self._free)
            while self._idle:
                await self._idle.pop().close()
