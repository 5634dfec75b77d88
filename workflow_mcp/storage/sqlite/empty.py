"""The data of a project that has no file yet, to be read: there is nothing in it, and it is stored nowhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, create_engine

from workflow_mcp.storage import tables
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.transactions import Transaction, Work

T = TypeVar("T")
NO_ID = ""


class EmptyDatabase:
    """A database in memory with the tables and no rows, made anew for each read.

    Args:
        clock: the current time, UTC.
        threads: run the transactions.
    """

    def __init__(self, *, clock: Callable[[], datetime], threads: WorkerThreads) -> None:
        self._clock = clock
        self._threads = threads

    async def read(self, work: Work[T]) -> T:
        """See `ReadableDatabase`."""
        return await self._threads.run(partial(self._run, work))

    async def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """See `ReadableDatabase`."""
        for portion in await self.read(lambda tx: list(work(tx))):
            yield portion

    def _run(self, work: Work[T]) -> T:
        with self._transaction() as tx:
            return work(tx)

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        engine = create_engine("sqlite://")
        try:
            with engine.begin() as connection:
                tables.metadata.create_all(connection)
                yield Transaction(connection, NO_ID, self._clock(), _nothing)
        finally:
            engine.dispose()


def _nothing(_connection: Connection, _words: Sequence[str]) -> Sequence[int]:
    return ()
