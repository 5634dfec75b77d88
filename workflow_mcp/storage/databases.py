"""The protocols that each kind of database implements for the store, in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from workflow_mcp.errors import Code, StoreError
from workflow_mcp.storage.changes import Signal
from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

T = TypeVar("T")


def store_closed() -> StoreError:
    """`STORE_CLOSED`: what is asked of a store that is closed or about to be."""
    return StoreError(Code.STORE_CLOSED, "the server is stopping.", "call again when it has started anew.")


class ReadableDatabase(Protocol):
    """One project's data, to be read. Every read sees one state of it."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read transaction and return its result."""
        ...

    def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """Yield what `work` yields, all from one read transaction."""
        ...


class Database(ReadableDatabase, Protocol):
    """One project's data. Writes are all or nothing and one at a time."""

    async def write(self, work: Work[T], *, beside: bool = False) -> T:
        """Run `work` in a write transaction and return its result once it is on disk; roll back when it raises.

        With `beside` others of its kind may run meanwhile: it changes only rows that it has locked, adds only what can
        be no other's, and returns None when it found none to lock. Then it is run once more, alone.
        """
        ...


class ProjectDatabases(Protocol):
    """Opens projects' data. Every method may raise `StoreError`."""

    def use(self, project: Project) -> AbstractAsyncContextManager[Database]:
        """The project's data, usable while the body runs; created when there is none."""
        ...

    def use_to_read(self, project: Project) -> AbstractAsyncContextManager[ReadableDatabase]:
        """The same to read from: where there is none, or the project has no id yet, it is empty and nothing is made."""
        ...

    def changes(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """What is committed in a project while the body runs, by whichever process; the project has an id."""
        ...


class Databases(ProjectDatabases, Protocol):
    """The data of all projects.

    With `member`, it is as if there were no projects but those that this principal is a member of.
    """

    async def list_projects(
        self, text: str | None, limit: int, cursor: str | None, *, archived: bool = False, member: str | None = None
    ) -> ProjectPage:
        """A page of the projects whose name contains `text`, ignoring case, ordered by name.

        Archived ones are left out without `archived`.
        """
        ...

    def is_open(self, project_id: str) -> bool:
        """Whether the project's data is there and open: to use it makes and opens nothing."""
        ...

    async def role(self, project_id: str, principal: str) -> Role | None:
        """What the principal may do in the project.

        None also where there is no such project, or where nobody can tell because its data cannot be used.
        """
        ...

    async def find_project(self, id_or_name: str, *, member: str | None = None) -> Project:
        """The project with this id, else the one with exactly this name.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        """
        ...

    async def find_by_name(self, name: str, *, member: str | None = None) -> Project | None:
        """The only project of this name; None when there is none.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        ...

    async def find_or_create(self, name: str, *, member: str | None = None) -> Project:
        """The only project of this name, else a new one; concurrent calls, also of other processes, create only one.

        A new one has `member` as its admin.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        ...

    async def create(self, name: str, *, admin: str | None) -> Project:
        """A new project, which has this principal as its admin, if there is one."""
        ...

    async def discard(self, project: Project) -> None:
        """Remove a project that was created in vain; one in which anything was done stays."""
        ...

    async def rename(self, project: Project, name: str) -> None:
        """Give the project a name, by which lists and configs without an id know it from now on."""
        ...

    async def close(self) -> None:
        """Finish what is running and close what is open."""
        ...
