"""All projects' data as one principal reaches it: its own projects, and no others.

Each transaction looks up the principal's role itself, so that who is removed can do nothing from then on, not even
with a call that was waiting.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from workflow_mcp.errors import StoreError
from workflow_mcp.storage.changes import Signal
from workflow_mcp.storage.databases import Database, Databases, ReadableDatabase
from workflow_mcp.storage.members.rows import require
from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.members import Role, allows, insufficient, unknown_to
from workflow_mcp.work.values import Project

T = TypeVar("T")


class _Reading:
    def __init__(self, database: ReadableDatabase, principal: str) -> None:
        self._readable = database
        self._principal = principal

    async def read(self, work: Work[T]) -> T:
        """See `ReadableDatabase`."""
        return await self._readable.read(self._as_member(work, "read"))

    def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """See `ReadableDatabase`."""
        return self._readable.portions(self._as_member(work, "read"))

    def _as_member(self, work: Work[T], needed: Role) -> Work[T]:
        return partial(_allowed, work=work, principal=self._principal, needed=needed)


class _Writing(_Reading):
    def __init__(self, database: Database, principal: str) -> None:
        super().__init__(database, principal)
        self._database = database

    async def write(self, work: Work[T], *, beside: bool = False) -> T:
        """See `Database`."""
        return await self._database.write(self._as_member(work, "write"), beside=beside)


def _allowed(tx: Transaction, *, work: Work[T], principal: str, needed: Role) -> T:
    theirs = replace(tx, principal=principal)
    require(theirs, needed)
    return work(theirs)


class MemberDatabases:
    """See `ProjectDatabases`; every method also raises what `require` does.

    Args:
        databases: the data of all projects.
        principal: who reaches it.
    """

    def __init__(self, databases: Databases, principal: str) -> None:
        self._all = databases
        self._principal = principal

    @asynccontextmanager
    async def use(self, project: Project) -> AsyncIterator[Database]:
        """See `ProjectDatabases`; a project that is not there is not created."""
        async with self._of_member(project.known_id), self._all.use(project) as database:
            yield _Writing(database, self._principal)

    @asynccontextmanager
    async def use_to_read(self, project: Project) -> AsyncIterator[ReadableDatabase]:
        """See `ProjectDatabases`."""
        if project.id is None:
            # What has no id yet is nobody's, and empty.
            async with self._all.use_to_read(project) as empty:
                yield empty
            return
        async with self._of_member(project.id), self._all.use_to_read(project) as database:
            yield _Reading(database, self._principal)

    @asynccontextmanager
    async def changes(self, project: Project) -> AsyncIterator[Signal]:
        """See `ProjectDatabases`."""
        await self.check(project.known_id, "read")
        async with self._all.changes(project) as signal:
            yield signal

    @asynccontextmanager
    async def _of_member(self, project_id: str) -> AsyncIterator[None]:
        """Let nobody open what only members may, nor be told what is wrong with it."""
        if not self._all.is_open(project_id):
            await self.check(project_id, "read")
        try:
            yield
        except StoreError:
            await self.check(project_id, "read")
            raise

    async def check(self, project_id: str, needed: Role) -> None:
        """Refuse what the principal may not do in a project, before anything of it is opened.

        Raises:
            ProjectError: see `require`.
        """
        role = await self._all.role(project_id, self._principal)
        if role is None:
            raise unknown_to(self._principal, project_id)
        if not allows(role, needed):
            raise insufficient(self._principal, role, needed)
