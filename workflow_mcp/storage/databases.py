"""What a kind of database does for the store; each kind has a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from workflow_mcp.storage.transactions import Transaction, Work
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

T = TypeVar("T")


class ReadableDatabase(Protocol):
    """One project's data, to be read. Every read sees one state of it."""

    async def read(self, work: Work[T]) -> T:
        """What `work` returns, all its statements seeing the same state."""
        ...

    def portions(self, work: Callable[[Transaction], Iterator[T]]) -> AsyncGenerator[T, None]:
        """What `work` yields, all of it seeing the same state."""
        ...


class Database(ReadableDatabase, Protocol):
    """One project's data. Writes are all or nothing and one at a time."""

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, once what it wrote is on disk; nothing is written when it raises."""
        ...


class Databases(Protocol):
    """The data of all projects. Every method may raise `StoreError`."""

    def use(self, project: Project) -> AbstractAsyncContextManager[Database]:
        """The project's data, usable while the body runs; made when there is none."""
        ...

    def use_to_read(self, project: Project) -> AbstractAsyncContextManager[ReadableDatabase]:
        """The same to read from: where there is none, or the project has no id yet, it is empty and nothing is made."""
        ...

    async def list_projects(self, text: str | None, limit: int, cursor: str | None) -> ProjectPage:
        """A page of the projects whose name contains `text`, in whatever case, by name."""
        ...

    async def find_project(self, id_or_name: str) -> Project:
        """The project with this id, else the one with exactly this name.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        """
        ...

    async def find_by_name(self, name: str) -> Project | None:
        """The only project of this name; None when there is none.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        ...

    async def find_or_create(self, name: str) -> Project:
        """The only project of this name, else a new one; of many processes that ask at once, one makes it.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        ...

    async def close(self) -> None:
        """Finish what is running and close what is open."""
        ...
