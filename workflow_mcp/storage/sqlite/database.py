"""The transactions in one project's open file."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection

from workflow_mcp.storage.running import Running
from workflow_mcp.storage.sqlite.connections import MAX_CONNECTIONS, Connections
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, DRIVER_ERRORS, is_busy, store_error, store_errors
from workflow_mcp.storage.sqlite.files import check_owner, prepare
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.open_files import MAX_EXCHANGES, OpenFile, transaction
from workflow_mcp.storage.sqlite.search import find_texts
from workflow_mcp.storage.sqlite.snapshots import snapshot
from workflow_mcp.storage.sqlite.statements import run
from workflow_mcp.storage.sqlite.watch import ExchangedError
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.times import Clock, Noted, Times, read_times, write_times
from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.values import Project

T = TypeVar("T")

# Random, so that waiting writers do not retry at the same time.
RETRY_SECONDS = (0.001, 0.020)


class SqliteDatabase:
    """A project's file, open. Reads see one state of it; writes are all or nothing and one at a time.

    Args:
        path: the file.
        project: the project it belongs to.
        known: remembers that there is a file.
        clock: the current time, UTC.
        threads: run the transactions.
        committed: called after every write.
    """

    def __init__(
        self,
        path: str,
        project: Project,
        *,
        known: KnownProjects,
        clock: Clock,
        threads: WorkerThreads,
        committed: Callable[[], None],
    ) -> None:
        self.path = path
        self.users = 0
        self._project_id = project.known_id
        self._clock = clock
        self._threads = threads
        self._committed = committed
        self._file = OpenFile(path, lambda: prepare(path, project, clock.now(), known))
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._writing = asyncio.Lock()
        self._running = Running()

    async def open(self) -> None:
        """Make the file ready.

        Raises:
            StoreError: it cannot be used.
        """
        await self._running.shielded(self._threads.run(self._open))

    def _open(self) -> None:
        with store_errors(self.path):
            self._attempted(lambda _opened: None)

    async def read(self, work: Work[T]) -> T:
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._running.shielded(self._when_free(partial(self._retried, work, write=False)))

    async def write(self, work: Work[T], *, beside: bool = False) -> T:  # noqa: ARG002 - writers of a file take turns
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._running.shielded(self._exclusively(partial(self._retried, work, write=True)))

    async def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """See `Database`; each item is computed in a thread, from a copy: a slow reader holds no transaction open.

        Raises:
            StoreError: see `store_errors`; `STORE_DAMAGED` before anything is yielded.
        """
        reading = self._yielding(work)
        try:
            while portion := await self._threads.run(lambda: list(islice(reading, 1))):
                yield portion[0]
        finally:
            await self._threads.run(reading.close)

    def _yielding(self, work: Callable[[Transaction], Iterator[T]]) -> Generator[T, None, None]:
        with store_errors(self.path), contextlib.ExitStack() as open_until_read:
            connection = self._attempted(lambda opened: open_until_read.enter_context(self._snapshot(opened)))
            yield from work(self._new_transaction(connection, read_times(Noted(), self._clock)))

    async def close(self) -> None:
        """Finish what is running and close the file."""
        await self._running.end()
        await self._threads.run(self._file.close)

    async def _exclusively(self, work: Callable[[], T]) -> T:
        async with self._writing:
            result = await self._when_free(work)
        self._committed()
        return result

    async def _when_free(self, work: Callable[[], T]) -> T:
        async with self._free:
            return await self._threads.run(work)

    def _retried(self, work: Work[T], *, write: bool) -> T:
        with store_errors(self.path):
            return self._attempted(partial(self._once, work, write=write))

    def _attempted(self, attempt: Callable[[Connections], T]) -> T:
        deadline, exchanges = time.monotonic() + BUSY_TIMEOUT, 0
        while True:
            try:
                opened = self._file.open()
                return attempt(opened)
            except ExchangedError as exchanged:
                exchanges += 1
                if exchanges > MAX_EXCHANGES:
                    raise store_error(self.path, "busy", None) from exchanged
                self._file.reopen(opened, exchanged)
            except DRIVER_ERRORS as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - the delay is not secret

    def _once(self, work: Work[T], opened: Connections, *, write: bool) -> T:
        if write:
            opened.check_whole()
        with self._transaction(opened, write=write) as tx:
            return work(tx)

    @contextlib.contextmanager
    def _transaction(self, opened: Connections, *, write: bool) -> Iterator[Transaction]:
        with transaction(self.path, opened, write=write) as (connection, header):
            check_owner(self.path, header, self._project_id)
            times = (
                write_times(connection, self._project_id, header.noted, self._clock)
                if write
                else read_times(header.noted, self._clock)
            )
            yield self._new_transaction(connection, times)

    def _new_transaction(self, connection: Connection, times: Times) -> Transaction:
        return Transaction(connection, self._project_id, times.now, find_texts, times.written_at, run=run)

    @contextlib.contextmanager
    def _snapshot(self, opened: Connections) -> Iterator[Connection]:
        with contextlib.ExitStack() as kept:
            with self._transaction(opened, write=False) as tx:
                connection = snapshot(self.path, tx.connection, kept)
            yield connection
