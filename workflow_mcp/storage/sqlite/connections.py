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
    """One connection and the thread it lives in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._core: Connection | None = None
        self._thread = aiosqlite.Connection(self._connect, iter_chunk_size=64)
        # A thread that waits on a dead disk must not keep the process. Until 0.22 a connection was its thread.
        thread: Any = getattr(self._thread, "_thread", self._thread)
        thread.daemon = True

    def _connect(self) -> sqlite3.Connection:
        self._core = self._engine.connect()
        return cast("sqlite3.Connection", self._core.connection.driver_connection)

    async def open(self) -> None:
        """Open the file."""
        await self._thread

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, run in the connection's thread."""
        trip: Any = self._thread._execute  # noqa: SLF001 - aiosqlite's own methods are all made of it
        return cast("T", await trip(lambda: work(cast("Connection", self._core))))

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self.run(lambda core: core.close())
        await self._thread.close()


class FileConnections:
    """The connections to a file, at most so many at once; opened when needed and kept.

    Args:
        open_file: opens the file; blocking.
        most: how many there are at most; who comes then waits for one.
    """

    def __init__(self, open_file: Callable[[], sqlite3.Connection], *, most: int) -> None:
        # Transactions are begun and ended by hand, and a thread keeps what it opened.
        self._engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool, pool_reset_on_return=None)
        self._free = asyncio.Semaphore(most)
        self._idle: list[FileConnection] = []

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[FileConnection]:
        """A connection that nobody else uses meanwhile."""
        async with self._free:
            connection = self._idle.pop() if self._idle else await self._opened()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    async def _opened(self) -> FileConnection:
        connection = FileConnection(self._engine)
        await connection.open()
        return connection

    async def close(self) -> None:
        """Close all of them; none may be in use."""
        while self._idle:
            await self._idle.pop().close()
