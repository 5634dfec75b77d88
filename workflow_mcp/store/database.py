"""Transactions on one project's file."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, CursorResult, Executable, Row, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from workflow_mcp.store import sqlite
from workflow_mcp.store.faults import DRIVER_ERRORS, is_busy, store_errors
from workflow_mcp.store.project_files import FileIdentity, check_owner

T = TypeVar("T")

# Waiters that lost a race must not come back together.
RETRY_SECONDS = (0.001, 0.020)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in one project: statements are built with `of`, which keeps them inside it.

    Attributes:
        now: the time of all that the transaction does; taken after its lock was.
    """

    connection: AsyncConnection
    project_id: str
    now: datetime

    def of(self, table: Table) -> ColumnElement[bool]:
        """The condition that a row is this project's."""
        return table.c.project_id == self.project_id

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a statement."""
        return (await self.connection.execute(statement)).all()

    async def first(self, statement: Executable) -> Row[Any] | None:
        """The first row of a statement, or None."""
        return (await self.connection.execute(statement)).first()

    async def run(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> CursorResult[Any] | None:
        """Run a statement, once for each of `rows` when they are given; None when there are none."""
        if rows is not None and not rows:
            return None
        result = await self.connection.execute(statement, rows)
        return result if isinstance(result, CursorResult) else None

    async def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of this project."""
        if rows:
            await self.connection.execute(table.insert(), [{**row, "project_id": self.project_id} for row in rows])


class Database:
    """A project's file, open. Reads see one state of it; writes are all or nothing and one at a time.

    Args:
        path: the file, made ready by `prepare`.
        project_id: whose it is.
        identity: which file it was when it was made ready.
        clock: the current time, UTC.
    """

    def __init__(self, path: str, project_id: str, identity: FileIdentity, clock: Callable[[], datetime]) -> None:
        self.path = path
        self.identity = identity
        self.users = 0
        self._project_id = project_id
        self._clock = clock
        self._engine = sqlite.engine_for(path)
        self._writing = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What `work` returns, all its statements seeing the same state.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._to_the_end(self._patiently(work, write=False))

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What `work` returns, once what it wrote is on disk; nothing is written when it raises.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._to_the_end(self._alone(work))

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """A transaction for reading over several awaits of the caller's."""
        with store_errors(self.path):
            async with self._transaction(write=False) as transaction:
                yield transaction

    async def close(self) -> None:
        """Finish what is running and close the file."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._engine.dispose()

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        # A caller may go away at any await; a connection must not be left in the middle of a transaction.
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()

    async def _alone(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self._writing:
            return await self._patiently(work, write=True)

    async def _patiently(self, work: Callable[[Transaction], Awaitable[T]], *, write: bool) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + sqlite.BUSY_SECONDS
        with store_errors(self.path):
            while True:
                try:
                    async with self._transaction(write=write) as transaction:
                        return await work(transaction)
                except DRIVER_ERRORS as error:
                    if not is_busy(error) or loop.time() >= deadline:
                        raise
                await asyncio.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - nothing secret

    @contextlib.asynccontextmanager
    async def _transaction(self, *, write: bool) -> AsyncIterator[Transaction]:
        async with self._engine.connect() as connection:
            header = await sqlite.begin(connection, write=write)
            async with connection.begin():
                check_owner(self.path, header, self._project_id)
                yield Transaction(connection, self._project_id, self._clock())
