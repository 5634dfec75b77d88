"""Databases whose transactions are timed, whichever kind they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

from workflow_mcp.storage.changes import Signal
from workflow_mcp.storage.databases import Database, Databases, ReadableDatabase
from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

T = TypeVar("T")
Access = Literal["read", "write"]
Observe = Callable[[Access], AbstractContextManager[None]]


def observed(databases: Databases, observe: Observe | None) -> Databases:
    """The same databases; the context that `observe` returns is entered while a caller waits for a transaction."""
    return databases if observe is None else ObservedDatabases(databases, observe)


async def _timed(call: Awaitable[T], access: Access, observe: Observe) -> T:
    with observe(access):
        return await call


@dataclass(frozen=True, slots=True)
class _ObservedReading:
    """See `ReadableDatabase`."""

    database: ReadableDatabase
    observe: Observe

    async def read(self, work: Work[T]) -> T:
        return await _timed(self.database.read(work), "read", self.observe)

    def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        return self.database.portions(work)


@dataclass(frozen=True, slots=True)
class _ObservedDatabase:
    """See `Database`."""

    database: Database
    observe: Observe

    async def read(self, work: Work[T]) -> T:
        return await _timed(self.database.read(work), "read", self.observe)

    async def write(self, work: Work[T], *, beside: bool = False) -> T:
        return await _timed(self.database.write(work, beside=beside), "write", self.observe)

    def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        return self.database.portions(work)


class ObservedDatabases:
    """See `Databases`.

    Args:
        databases: the databases that do the work.
        observe: is told of each transaction.
    """

    def __init__(self, databases: Databases, observe: Observe) -> None:
        self._databases = databases
        self._observe = observe

    @asynccontextmanager
    async def use(self, project: Project) -> AsyncIterator[Database]:
        """See `Databases`."""
        async with self._databases.use(project) as database:
            yield _ObservedDatabase(database, self._observe)

    @asynccontextmanager
    async def use_to_read(self, project: Project) -> AsyncIterator[ReadableDatabase]:
        """See `Databases`."""
        async with self._databases.use_to_read(project) as database:
            yield _ObservedReading(database, self._observe)

    def changes(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """See `Databases`."""
        return self._databases.changes(project)

    async def list_projects(
        self, text: str | None, limit: int, cursor: str | None, *, archived: bool = False, member: str | None = None
    ) -> ProjectPage:
        """See `Databases`."""
        return await self._read(self._databases.list_projects(text, limit, cursor, archived=archived, member=member))

    def is_open(self, project_id: str) -> bool:
        """See `Databases`."""
        return self._databases.is_open(project_id)

    async def role(self, project_id: str, principal: str) -> Role | None:
        """See `Databases`."""
        return await self._read(self._databases.role(project_id, principal))

    async def find_project(self, id_or_name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        return await self._read(self._databases.find_project(id_or_name, member=member))

    async def find_by_name(self, name: str, *, member: str | None = None) -> Project | None:
        """See `Databases`."""
        return await self._read(self._databases.find_by_name(name, member=member))

    async def find_or_create(self, name: str, *, member: str | None = None) -> Project:
        """See `Databases`."""
        return await self._written(self._databases.find_or_create(name, member=member))

    async def create(self, name: str, *, admin: str | None) -> Project:
        """See `Databases`."""
        return await self._written(self._databases.create(name, admin=admin))

    async def discard(self, project: Project) -> None:
        """See `Databases`."""
        await self._written(self._databases.discard(project))

    async def rename(self, project: Project, name: str) -> None:
        """See `Databases`."""
        await self._written(self._databases.rename(project, name))

    async def close(self) -> None:
        """See `Databases`."""
        await self._databases.close()

    async def _read(self, call: Awaitable[T]) -> T:
        return await _timed(call, "read", self._observe)

    async def _written(self, call: Awaitable[T]) -> T:
        return await _timed(call, "write", self._observe)
