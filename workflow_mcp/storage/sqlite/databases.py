"""The open files of projects, of which a maximum is kept open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from workflow_mcp.errors import StoreError
from workflow_mcp.storage.changes import Feeds, Signal
from workflow_mcp.storage.databases import ReadableDatabase, store_closed
from workflow_mcp.storage.members.rows import role_of
from workflow_mcp.storage.projects import rows
from workflow_mcp.storage.projects.choice import id_in
from workflow_mcp.storage.sqlite import projects
from workflow_mcp.storage.sqlite.changes import stamp_of
from workflow_mcp.storage.sqlite.database import SqliteDatabase
from workflow_mcp.storage.sqlite.deletion import discard
from workflow_mcp.storage.sqlite.empty import EmptyDatabase
from workflow_mcp.storage.sqlite.files import is_there
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.paths import path_of
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.times import Clock
from workflow_mcp.storage.transactions import Work
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

T = TypeVar("T")
logger = logging.getLogger(__name__)


class SqliteDatabases:
    """Opens projects' files when they are needed, and closes the least recently used.

    Args:
        data_dir: the folder that `projects/` is in.
        known: remembers which projects have had a file.
        clock: the current time, UTC.
        maximum: how many files stay open; more are open while more are in use.
        threads: run the blocking work.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        known: KnownProjects,
        clock: Clock,
        maximum: int,
        threads: WorkerThreads,
    ) -> None:
        self._data_dir = data_dir
        self._known = known
        self._clock = clock
        self._maximum = maximum
        self._threads = threads
        self._open: OrderedDict[str, SqliteDatabase] = OrderedDict()
        self._opening: dict[str, asyncio.Task[SqliteDatabase]] = {}
        self._begun: set[asyncio.Task[Any]] = set()
        self._feeds = Feeds(self._stamp)
        self._closed = False

    @contextlib.asynccontextmanager
    async def use(self, project: Project) -> AsyncIterator[SqliteDatabase]:
        """The project's file, kept open while the body runs; created when there is none.

        Raises:
            StoreError: it cannot be used, or is not this project's.
        """
        async with self._used(project) as database:
            yield database

    @contextlib.asynccontextmanager
    async def use_to_read(self, project: Project) -> AsyncIterator[ReadableDatabase]:
        """See `Databases`; a file of an older format is brought up to date first.

        Raises:
            StoreError: it cannot be used, or is not this project's.
        """
        if project.id is None or not await self._is_there(project):
            yield EmptyDatabase(clock=self._clock.now, threads=self._threads)
            return
        async with self._used(project) as database:
            yield database

    async def _is_there(self, project: Project) -> bool:
        self._refuse_when_closed()
        path = path_of(self._data_dir, project.known_id)
        return path in self._open or await self._threads.run(partial(is_there, path, project, self._known))

    @contextlib.asynccontextmanager
    async def _used(self, project: Project) -> AsyncIterator[SqliteDatabase]:
        database = await self._database(project)
        database.users += 1
        try:
            yield database
        finally:
            database.users -= 1
        await self._close_idle()

    def changes(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """See `Databases`."""
        self._refuse_when_closed()
        return self._feeds.read(project)

    async def _stamp(self, project: Project) -> tuple[int, int] | None:
        if not await self._is_there(project):
            return None
        async with self._used(project) as database:
            return await database.read(stamp_of)

    async def list_projects(
        self, text: str | None, limit: int, cursor: str | None, *, archived: bool = False, member: str | None = None
    ) -> ProjectPage:
        """See `Databases`; a damaged file hides no other."""
        listed = partial(projects.list_projects, self._data_dir, self._known, text=text, archived=archived)
        return await self._threads.run(partial(listed, limit=limit, cursor=cursor, member=member))

    def is_open(self, project_id: str) -> bool:
        """See `Databases`."""
        return path_of(self._data_dir, project_id) in self._open

    async def role(self, project_id: str, principal: str) -> Role | None:
        """See `Databases`; a file that is not open yet is only looked into."""
        role = await self._of_open(project_id, partial(role_of, principal=principal))
        return role or await self._threads.run(partial(projects.role_of, self._data_dir, project_id, principal))

    async def find_project(self, id_or_name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        project_id = id_in(id_or_name)
        name = project_id and await self._of_open(project_id, partial(rows.name_for, principal=member))
        if name:
            return Project(project_id, name)
        return await self._threads.run(partial(projects.find_project, self._data_dir, self._known, id_or_name, member))

    async def _of_open(self, project_id: str, work: Work[T]) -> T | None:
        """What `work` reads of a project whose file is open; None where it is not, or cannot be used."""
        self._refuse_when_closed()
        if not self.is_open(project_id):
            return None
        try:
            async with self._used(Project(project_id, "")) as database:
                return await database.read(work)
        except StoreError as error:
            logger.info("%s is open and cannot be read: %s", project_id, error)
            return None

    async def find_by_name(self, name: str, *, member: str | None = None) -> Project | None:
        """See `Databases`."""
        return await self._threads.run(partial(projects.find_by_name, self._data_dir, self._known, name, member))

    async def find_or_create(self, name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        return await self._made(projects.find_or_create, name, member)

    async def create(self, name: str, *, admin: str | None) -> Project:
        """See `Databases`."""
        return await self._made(projects.create, name, admin)

    async def _made(self, make: Callable[..., Project], name: str, admin: str | None) -> Project:
        return await self._threads.run(partial(make, self._data_dir, self._known, name, self._clock.now(), admin))

    async def discard(self, project: Project) -> None:
        """See `Databases`."""
        await self._threads.run(partial(discard, self._data_dir, self._known, project.known_id))

    async def rename(self, project: Project, name: str) -> None:
        """See `Databases`."""
        async with self.use(project) as database:
            await database.write(partial(rows.rename, name=name))
        await self._threads.run(partial(self._known.remember, Project(project.id, name)))

    async def close(self) -> None:
        """Close all files, after what is running on them."""
        self._closed = True
        self._feeds.end(store_closed())
        # What is being opened now is open when that has ended.
        await self._end_begun()
        while self._open:
            self._begin(self._open.popitem()[1].close())
        await self._end_begun()

    async def _end_begun(self) -> None:
        for error in await asyncio.gather(*self._begun, return_exceptions=True):
            if isinstance(error, Exception):
                logger.warning("a project's file could not be opened or closed", exc_info=error)

    async def _database(self, project: Project) -> SqliteDatabase:
        path = path_of(self._data_dir, project.known_id)
        self._refuse_when_closed()
        database = self._open.get(path)
        if database is None:
            database = await asyncio.shield(self._opened(path, project))
            self._refuse_when_closed()
        if path in self._open:
            self._open.move_to_end(path)
        return database

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise store_closed()

    def _opened(self, path: str, project: Project) -> asyncio.Task[SqliteDatabase]:
        # Concurrent callers share one opening, which goes on when any of them is cancelled.
        opening = self._opening.get(path)
        if opening is None:
            opening = self._opening[path] = self._begin(self._make(path, project))
            opening.add_done_callback(lambda _: self._opening.pop(path, None))
        return opening

    async def _make(self, path: str, project: Project) -> SqliteDatabase:
        database = SqliteDatabase(
            path,
            project,
            known=self._known,
            clock=self._clock,
            threads=self._threads,
            committed=partial(self._feeds.committed, project.known_id),
        )
        await database.open()
        self._open[path] = database
        return database

    async def _close_idle(self) -> None:
        while len(self._open) > self._maximum:
            idle = next((key for key, database in self._open.items() if not database.users), None)
            if idle is None:
                return
            await asyncio.shield(self._begin(self._open.pop(idle).close()))

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # In a task of its own, because the caller may be cancelled meanwhile.
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return task
