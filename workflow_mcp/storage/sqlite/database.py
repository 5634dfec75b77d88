"""The transactions in one project's open file."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from workflow_mcp.storage.sqlite.connections import BUSY_TIMEOUT, MAX_CONNECTIONS, Connections, begin
from workflow_mcp.storage.sqlite.faults import DRIVER_ERRORS, is_busy, store_errors
from workflow_mcp.storage.sqlite.files import FileIdentity, check_owner
from workflow_mcp.storage.sqlite.search import find_texts
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.transactions import Transaction, Work

T = TypeVar("T")

# Random, so that waiting writers do not retry at the same time.
RETRY_SECONDS = (0.001, 0.020)


class SqliteDatabase:
    """A project's file, open. Reads see one state of it; writes are all or nothing and one at a time.

    Args:
        path: the file, made ready by `prepare`.
        project_id: the project it belongs to.
        identity: the identity of the file when it was prepared.
        clock: the current time, UTC.
        threads: run the transactions.

    Attributes:
        named: the names that the project has been given here.
    """

    def __init__(
        self,
        path: str,
        project_id: str,
        *,
        identity: FileIdentity,
        clock: Callable[[], datetime],
        threads: WorkerThreads,
    ) -> None:
        self.path = path
        self.identity = identity
        self.users = 0
        self.named: set[str] = set()
        self._project_id = project_id
        self._clock = clock
        self._threads = threads
        self._connections = Connections(path)
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._writing = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, work: Work[T]) -> T:
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._shielded(self._when_free(partial(self._retried, work, write=False)))

    async def write(self, work: Work[T]) -> T:
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._shielded(self._exclusively(partial(self._retried, work, write=True)))

    async def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """See `Database`; each item is computed in a thread."""
        reading = self._yielding(work)
        async with self._free:
            try:
                async for portion in self._each(reading):
                    yield portion
            finally:
                await self._threads.run(reading.close)

    async def _each(self, reading: Iterator[T]) -> AsyncIterator[T]:
        while portion := await self._threads.run(lambda: list(islice(reading, 1))):
            yield portion[0]

    def _yielding(self, work: Callable[[Transaction], Iterator[T]]) -> Generator[T, None, None]:
        with store_errors(self.path), self._transaction(write=False) as tx:
            yield from work(tx)

    async def close(self) -> None:
        """Finish what is running and close the file."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._threads.run(self._connections.close)

    async def _shielded(self, call: Coroutine[Any, Any, T]) -> T:
        # The caller may be cancelled at any await; its transaction is completed all the same, and `close` waits for it.
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()

    async def _exclusively(self, work: Callable[[], T]) -> T:
        async with self._writing:
            return await self._when_free(work)

    async def _when_free(self, work: Callable[[], T]) -> T:
        async with self._free:
            return await self._threads.run(work)

    def _retried(self, work: Work[T], *, write: bool) -> T:
        deadline = time.monotonic() + BUSY_TIMEOUT
        with store_errors(self.path):
            while True:
                try:
                    with self._transaction(write=write) as tx:
                        return work(tx)
                except DRIVER_ERRORS as error:
                    if not is_busy(error) or time.monotonic() >= deadline:
                        raise
                time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - the delay is not secret

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Transaction]:
        with self._connections.use() as connection:
            connection.begin()
            check_owner(self.path, begin(connection, write=write), self._project_id)
            yield Transaction(connection, self._project_id, self._clock(), find_texts)
