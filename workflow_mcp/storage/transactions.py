"""Transactions on one project's file."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, FromClause, Insert, Row, Table, bindparam

from workflow_mcp.storage.faults import DRIVER_ERRORS, is_busy, store_errors
from workflow_mcp.storage.sqlite import engine
from workflow_mcp.storage.sqlite.files import FileIdentity, check_owner

T = TypeVar("T")

OWN_PROJECT = "own_project"

# Waiters that lost a race must not come back together.
RETRY_SECONDS = (0.001, 0.020)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in one project: statements are built with `own`, which keeps them inside it.

    They are built once, with parameters, because building one takes longer than SQLite takes to run it.

    Attributes:
        on: does something with the connection, wherever that lives.
        now: the time of all that the transaction does; taken after its lock was.
    """

    on: Callable[[Callable[[Connection], Any]], Awaitable[Any]]
    project_id: str
    now: datetime

    async def all(self, statement: Executable, /, **values: Any) -> Sequence[Row[Any]]:
        """All rows of a statement with these values for its parameters."""
        here = {**values, OWN_PROJECT: self.project_id}
        rows: Sequence[Row[Any]] = await self.on(lambda connection: connection.execute(statement, here).all())
        return rows

    async def first(self, statement: Executable, /, **values: Any) -> Row[Any] | None:
        """The first row of a statement with these values for its parameters, or None."""
        here = {**values, OWN_PROJECT: self.project_id}
        row: Row[Any] | None = await self.on(lambda connection: connection.execute(statement, here).first())
        return row

    async def change(self, statement: Executable, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that changes rows, once for each of these values for its parameters."""
        await self._execute(statement, [{**one, OWN_PROJECT: self.project_id} for one in values])

    async def add(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of this project."""
        await self._execute(_insert(table), [{**row, "project_id": self.project_id} for row in rows])

    async def _execute(self, statement: Executable, values: list[dict[str, Any]]) -> None:
        if values:
            await self.on(lambda connection: connection.execute(statement, values))


def own(table: FromClause) -> ColumnElement[bool]:
    """The condition that a row is the project's, in statements for `Transaction`."""
    return table.c.project_id == bindparam(OWN_PROJECT)


@cache
def _insert(table: Table) -> Insert:
    return table.insert()


Work = Callable[[Transaction], Coroutine[Any, Any, T]]


def driven(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run to its end here and now: in its connection's thread it has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a transaction waits for nothing but its own statements")


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
        self._connections = engine.connections_to(path)
        self._writing = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, work: Work[T]) -> T:
        """What `work` returns, all its statements seeing the same state.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._to_the_end(self._patiently(work, write=False))

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, once what it wrote is on disk; nothing is written when it raises.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._to_the_end(self._alone(work))

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """A transaction for reading over several awaits of the caller's."""
        with store_errors(self.path):
            async with self._connections.use() as connection:
                try:
                    now = await connection.run(partial(self._begin, write=False))
                    yield Transaction(connection.run, self._project_id, now)
                finally:
                    await connection.run(Connection.rollback)

    async def close(self) -> None:
        """Finish what is running and close the file."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._connections.close()

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

    async def _alone(self, work: Work[T]) -> T:
        async with self._writing:
            return await self._patiently(work, write=True)

    async def _patiently(self, work: Work[T], *, write: bool) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + engine.BUSY_SECONDS
        with store_errors(self.path):
            while True:
                try:
                    async with self._connections.use() as connection:
                        return await connection.run(partial(self._run, work=work, write=write))
                except DRIVER_ERRORS as error:
                    if not is_busy(error) or loop.time() >= deadline:
                        raise
                await asyncio.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - nothing secret

    def _run(self, connection: Connection, *, work: Work[T], write: bool) -> T:
        async def here(step: Callable[[Connection], Any]) -> Any:
            return step(connection)

        try:
            now = self._begin(connection, write=write)
            result = driven(work(Transaction(here, self._project_id, now)))
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return result

    def _begin(self, connection: Connection, *, write: bool) -> datetime:
        connection.begin()
        check_owner(self.path, engine.begin(connection, write=write), self._project_id)
        return self._clock()
