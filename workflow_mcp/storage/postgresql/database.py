"""The transactions in one project's rows."""

from __future__ import annotations

import asyncio
import pickle
import random
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime
from functools import partial
from typing import IO, Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from workflow_mcp.storage import tables
from workflow_mcp.storage.postgresql.connections import MAX_CONNECTIONS, Connections, Header
from workflow_mcp.storage.postgresql.faults import DRIVER_ERRORS, patience_for, store_errors
from workflow_mcp.storage.postgresql.search import find_texts
from workflow_mcp.storage.running import Running
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.values import Project

T = TypeVar("T")
# Random, so that those who wait do not retry at the same time.
RETRY_SECONDS = (0.005, 0.100)
MAX_BESIDE = MAX_CONNECTIONS // 2
MAX_SPOOLED_BYTES = 4 * 2**20


def attempted(attempt: Callable[[], T], began: float | None = None) -> T:
    """What `attempt` returns once the database is neither busy nor lost.

    Args:
        attempt: what is tried again and again, once at least.
        began: since when the caller waits, in monotonic seconds; default: now. Those who wait in turn for a connection
            all get an answer in time.

    Raises:
        StoreError: see `store_errors`.
    """
    began = time.monotonic() if began is None else began
    with store_errors():
        while True:
            try:
                return attempt()
            except DRIVER_ERRORS as error:
                if time.monotonic() - began >= patience_for(error):
                    raise
                time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - the delay is not secret


class PostgresqlDatabase:
    """A project's rows. Reads see one state of them; writes are all or nothing and one at a time.

    Args:
        project: the project.
        connections: to the database.
        free: one for each connection that may be used at once.
        threads: run the transactions.
        clock: the current time, UTC; None for the database's own.
        committed: called after every write.
        running: completes transactions whose callers go away.
    """

    def __init__(
        self,
        project: Project,
        *,
        connections: Connections,
        free: asyncio.Semaphore,
        threads: WorkerThreads,
        clock: Callable[[], datetime] | None,
        committed: Callable[[str], None],
        running: Running,
    ) -> None:
        self._project = project
        self._project_id = project.id or ""
        self._connections = connections
        self._free = free
        self._threads = threads
        self._clock = clock
        self._committed = committed
        self._running = running
        self._writing = asyncio.Lock()
        # Fewer than there are connections: one project leaves some to others.
        self._sharing = asyncio.Semaphore(MAX_BESIDE)

    async def read(self, work: Work[T]) -> T:
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        return await self._running.shielded(self._when_free(partial(self._read, work), time.monotonic()))

    async def write(self, work: Work[T], *, beside: bool = False) -> T:
        """See `Database`.

        Raises:
            StoreError: see `store_errors`.
        """
        if beside and (done := await self._running.shielded(self._beside(work))) is not None:
            return done
        return await self._running.shielded(self._exclusively(partial(self._write, work)))

    async def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """See `Database`; all is written to a temporary file first: a slow reader holds no transaction open.

        Raises:
            StoreError: see `store_errors`.
        """
        with tempfile.SpooledTemporaryFile(MAX_SPOOLED_BYTES) as file:
            count = await self.read(partial(_spool, work=work, file=file))
            for _ in range(count):
                yield await self._threads.run(partial(pickle.load, file))

    async def _exclusively(self, work: Callable[[], T]) -> T:
        began = time.monotonic()
        # Here those wait that would otherwise wait in the database, each with a connection.
        async with self._writing:
            result = await self._when_free(work, began)
        self._committed(self._project_id)
        return result

    async def _beside(self, work: Work[T]) -> T:
        began = time.monotonic()
        async with self._sharing:
            done = await self._when_free(partial(self._write, work, beside=True), began)
        self._committed(self._project_id)
        return done

    async def _when_free(self, work: Callable[[], T], began: float) -> T:
        async with self._free:
            return await self._threads.run(partial(attempted, work, began))

    def _read(self, work: Work[T]) -> T:
        with self._connections.transaction(self._project_id) as (connection, header):
            return work(self._transaction(connection, header))

    def _write(self, work: Work[T], *, beside: bool = False) -> T:
        locked = self._connections.transaction(self._project_id, lock=self._project_id, shared=beside)
        with locked as (connection, header):
            tx = self._transaction(connection, header)
            if not header.is_there:
                add_project(connection, self._project, tx.now)
            return work(tx)

    def _transaction(self, connection: Connection, header: Header) -> Transaction:
        now = header.now if self._clock is None else self._clock()
        return Transaction(connection, self._project_id, now, find_texts, max(now, header.last_change or now))


def add_project(connection: Connection, project: Project, now: datetime) -> None:
    """Insert the row of a project, if it is not there."""
    row = {"id": project.id, "name": project.name, "next_item_id": 1, "created_at": now}
    connection.execute(insert(tables.projects).values(row).on_conflict_do_nothing())


def _spool(tx: Transaction, *, work: Callable[[Transaction], Iterator[Any]], file: IO[bytes]) -> int:
    file.seek(0)
    count = 0
    for count, portion in enumerate(work(tx), start=1):  # noqa: B007 - the last one counts
        pickle.dump(portion, file)
    file.truncate()
    file.seek(0)
    return count
