"""All projects' rows in one database."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from workflow_mcp.storage.changes import LOOK_SECONDS, Feeds, Signal
from workflow_mcp.storage.databases import ReadableDatabase, store_closed
from workflow_mcp.storage.postgresql import projects
from workflow_mcp.storage.postgresql.changes import stamp_of
from workflow_mcp.storage.postgresql.connections import LISTENERS, MAX_CONNECTIONS, Connections
from workflow_mcp.storage.postgresql.database import PostgresqlDatabase, attempted
from workflow_mcp.storage.postgresql.listener import Listener
from workflow_mcp.storage.projects import rows
from workflow_mcp.storage.projects.choice import check_id
from workflow_mcp.storage.running import Running
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

T = TypeVar("T")
# Between two looks while the database tells of changes.
HEARING_SECONDS = 30.0


class PostgresqlDatabases:
    """The projects in a database.

    Args:
        connections: to the database; closed with it.
        clock: the current time, UTC; None for the database's own.
        threads: run the blocking work.
    """

    def __init__(
        self, connections: Connections, *, clock: Callable[[], datetime] | None, threads: WorkerThreads
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._threads = threads
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._used: WeakValueDictionary[str, PostgresqlDatabase] = WeakValueDictionary()
        self._there: set[str] = set()
        self._running = Running()
        self._feeds = Feeds(self._stamp, interval=self._look_seconds)
        self._listener = None if connections.pooled else self._new_listener()
        self._closed = False

    @contextlib.asynccontextmanager
    async def use(self, project: Project) -> AsyncIterator[PostgresqlDatabase]:
        """See `Databases`."""
        database = self._database(project)
        if project.known_id not in self._there:
            await database.write(_nothing)
            self._there.add(project.known_id)
        yield database

    @contextlib.asynccontextmanager
    async def use_to_read(self, project: Project) -> AsyncIterator[ReadableDatabase]:
        """See `Databases`."""
        yield self._database(project)

    def _database(self, project: Project) -> PostgresqlDatabase:
        self._refuse_when_closed()
        if project.id is not None:
            check_id(project.id)
        found = self._used.get(project.id or "")
        if found is None:
            found = self._used[project.id or ""] = PostgresqlDatabase(
                project,
                connections=self._connections,
                free=self._free,
                threads=self._threads,
                clock=self._clock,
                committed=self._feeds.committed,
                running=self._running,
            )
        return found

    @contextlib.asynccontextmanager
    async def changes(self, project: Project) -> AsyncIterator[Signal]:
        """See `Databases`; where the database cannot tell of changes, they are looked for."""
        self._refuse_when_closed()
        async with contextlib.AsyncExitStack() as listening:
            if self._listener is not None:
                await listening.enter_async_context(self._listener.listening())
            yield await listening.enter_async_context(self._feeds.read(project))

    def _new_listener(self) -> Listener:
        return Listener(self._connections.url, LISTENERS, heard=self._feeds.committed, changed=self._feeds.hasten)

    def _look_seconds(self) -> float:
        return HEARING_SECONDS if self._listener is not None and self._listener.misses_nothing else LOOK_SECONDS

    async def _stamp(self, project: Project) -> tuple[int, str] | None:
        return await self._database(project).read(stamp_of)

    async def list_projects(
        self, text: str | None, limit: int, cursor: str | None, *, archived: bool = False, member: str | None = None
    ) -> ProjectPage:
        """See `Databases`."""
        listed = partial(projects.list_projects, self._connections, text, limit, cursor)
        return await self._run(partial(listed, archived=archived, member=member))

    def is_open(self, project_id: str) -> bool:
        """See `Databases`."""
        return project_id in self._there

    async def role(self, project_id: str, principal: str) -> Role | None:
        """See `Databases`."""
        role = await self._run(partial(projects.role_of, self._connections, project_id, principal))
        if role is not None:
            self._there.add(project_id)
        return role

    async def find_project(self, id_or_name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        return await self._run(partial(projects.find_project, self._connections, id_or_name, member))

    async def find_by_name(self, name: str, *, member: str | None = None) -> Project | None:
        """See `Databases`."""
        return await self._run(partial(projects.find_by_name, self._connections, name, member))

    async def find_or_create(self, name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        return await self._made(projects.find_or_create, name, member)

    async def create(self, name: str, *, admin: str | None) -> Project:
        """See `Databases`."""
        return await self._made(projects.create, name, admin)

    async def _made(self, make: Callable[..., Project], name: str, admin: str | None) -> Project:
        now = None if self._clock is None else self._clock()
        return await self._run(partial(make, self._connections, name, now, admin))

    async def discard(self, project: Project) -> None:
        """See `Databases`."""
        await self._run(partial(projects.discard, self._connections, project.known_id))
        self._there.discard(project.known_id)

    async def rename(self, project: Project, name: str) -> None:
        """See `Databases`."""
        async with self.use(project) as database:
            await database.write(partial(rows.rename, name=name))

    async def close(self) -> None:
        """Close all connections, after what is running on them."""
        self._closed = True
        self._feeds.end(store_closed())
        if self._listener is not None:
            await self._listener.end()
        await self._running.end()
        await self._threads.run(self._connections.close)

    async def _run(self, work: Callable[[], T]) -> T:
        self._refuse_when_closed()
        return await self._running.shielded(self._when_free(partial(attempted, work, time.monotonic())))

    async def _when_free(self, work: Callable[[], T]) -> T:
        async with self._free:
            return await self._threads.run(work)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise store_closed()


def _nothing(_tx: Transaction) -> None:
    """What makes sure that the project has a row: every write does."""
