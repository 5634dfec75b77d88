"""aiosqlite with one trip to the connection's thread for a statement instead of four."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar, cast

import aiosqlite

T = TypeVar("T")


class OneTripCursor:
    """Runs a statement and fetches all it returns in one go."""

    arraysize = 1

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> OneTripCursor:
        """Run a statement."""
        await self._connection.run(lambda raw: self._keep(raw.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> OneTripCursor:
        """Run a statement once for each of `parameters`."""
        await self._connection.run(lambda raw: self._keep(raw.executemany(sql, parameters)))
        return self

    async def fetchall(self) -> list[Any]:
        """The rows that the statement returned."""
        return self._rows

    async def close(self) -> None:
        """Nothing is held open."""

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.lastrowid = cursor.description, cursor.lastrowid
        self._rows = cursor.fetchall() if cursor.description else []
        self.rowcount = cursor.rowcount
        cursor.close()


class OneTripConnection(aiosqlite.Connection):
    """A connection whose cursors make one trip."""

    def cursor(self) -> Any:
        """A new cursor, without a trip."""
        return OneTripCursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, run in the connection's thread."""
        return cast("T", await self._execute(lambda: work(self._conn)))  # type: ignore[no-untyped-call]


def connect(connector: Callable[[], sqlite3.Connection]) -> OneTripConnection:
    """A connection that is opened when it is awaited and never keeps the process alive."""
    connection = OneTripConnection(connector, iter_chunk_size=64)
    # Until 0.22 a connection was its thread.
    thread: Any = getattr(connection, "_thread", connection)
    thread.daemon = True
    return connection
