"""The part of the store that is about projects as a whole."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial

from workflow_mcp.storage.changes import Signal
from workflow_mcp.storage.databases import Databases
from workflow_mcp.storage.projects.rows import set_archived
from workflow_mcp.storage.repositories.rows import add_repository, repositories_of
from workflow_mcp.work.repositories import Repository
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project


class ProjectStore:
    """The stored projects, without the work in them.

    Args:
        databases: the databases that hold the data.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def ensure(self, project: Project) -> None:
        """Create or upgrade the project's data; a new project gets the name that is given here.

        Raises:
            StoreError: `STORE_WRONG_PROJECT`, `STORE_NEWER`, `STORE_DAMAGED`, `STORE_READ_ONLY`, `STORE_FULL`, …
        """
        async with self._databases.use(project) as database:
            # One that is open may have been taken away.
            await database.read(lambda _tx: None)

    async def list_projects(
        self, text: str | None = None, limit: int = 50, cursor: str | None = None, *, archived: bool = False
    ) -> ProjectPage:
        """A page of the stored projects whose name contains `text`; a damaged one does not hide the others.

        Archived projects are left out without `archived`; they can be found and used all the same.

        Raises:
            UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        """
        return await self._databases.list_projects(text, limit, cursor, archived=archived)

    async def find_project(self, id_or_name: str) -> Project:
        """The project with this id or, exactly, this name.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        """
        return await self._databases.find_project(id_or_name)

    async def find_project_by_name(self, name: str) -> Project | None:
        """The only project of exactly this name; None when there is none.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        return await self._databases.find_by_name(name)

    async def find_or_create_project(self, name: str) -> Project:
        """The project for a config without an id: the only one of this name, else a new one.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        return await self._databases.find_or_create(name)

    async def rename_project(self, project: Project, name: str) -> None:
        """Give a stored project a name, 1 to 255 printable characters; configs keep the one that is in them."""
        await self._databases.rename(project, name)

    async def archive_project(self, project: Project, *, archived: bool = True) -> bool:
        """Archive a stored project, which lists then leave out, or end that; whether it was otherwise before."""
        async with self._databases.use(project) as database:
            return await database.write(partial(set_archived, archived=archived))

    async def repositories(self, project: Project) -> tuple[Repository, ...]:
        """The repositories that work in the project, in the order in which they joined."""
        async with self._databases.use_to_read(project) as database:
            return await database.read(repositories_of)

    async def add_repository(self, project: Project, repository: Repository) -> None:
        """Let a repository be one that works in the project."""
        async with self._databases.use(project) as database:
            await database.write(partial(add_repository, repository=repository))

    def changes(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """Enter it for a signal that is told of all that is committed in the project, by whichever process.

        However many read them, a project is looked at by one task, and not at all when nobody does.
        """
        return self._databases.changes(project)
