"""The part of the store that is about projects as a whole."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial

from workflow_mcp.storage.changes import Signal
from workflow_mcp.storage.databases import Databases, ProjectDatabases
from workflow_mcp.storage.members.databases import MemberDatabases
from workflow_mcp.storage.members.rows import members_of, remove_member, require, set_member
from workflow_mcp.storage.projects.rows import set_archived
from workflow_mcp.storage.repositories.rows import add_repository, repositories_of
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.members import Member, Role
from workflow_mcp.work.repositories import Repository
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project


class ProjectStore:
    """The stored projects, without the work in them.

    Args:
        databases: the databases that hold the data.
        principal: who reaches it, and only the projects that it is a member of; None for all of them.
    """

    def __init__(self, databases: Databases, principal: str | None = None) -> None:
        self._all = databases
        self._principal = principal
        self._databases: ProjectDatabases = databases
        if principal is not None:
            self._databases = MemberDatabases(databases, principal)

    async def ensure(self, project: Project) -> None:
        """Create or upgrade the project's data; a new project gets the name that is given here.

        Raises:
            StoreError: `STORE_WRONG_PROJECT`, `STORE_NEWER`, `STORE_DAMAGED`, `STORE_READ_ONLY`, `STORE_FULL`, …
        """
        async with self._databases.use(project) as database:
            # One that is open may have been taken away.
            await database.read(lambda _tx: None)

    async def check(self, project: Project) -> None:
        """Do nothing, and raise what whoever reads the project's work would be told."""
        async with self._databases.use_to_read(project) as database:
            await database.read(lambda _tx: None)

    async def list_projects(
        self, text: str | None = None, limit: int = 50, cursor: str | None = None, *, archived: bool = False
    ) -> ProjectPage:
        """A page of the stored projects whose name contains `text`; a damaged one does not hide the others.

        Archived projects are left out without `archived`; they can be found and used all the same.

        Raises:
            UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        """
        return await self._all.list_projects(text, limit, cursor, archived=archived, member=self._principal)

    async def find_project(self, id_or_name: str) -> Project:
        """The project with this id or, exactly, this name.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        """
        return await self._all.find_project(id_or_name, member=self._principal)

    async def find_project_by_name(self, name: str) -> Project | None:
        """The only project of exactly this name; None when there is none.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        return await self._all.find_by_name(name, member=self._principal)

    async def find_or_create_project(self, name: str) -> Project:
        """The project for a config without an id: the only one of this name, else a new one.

        Raises:
            ProjectError: `PROJECT_AMBIGUOUS`.
        """
        found = await self._all.find_or_create(name, member=self._principal)
        await self._require(found, "write")
        return found

    async def rename_project(self, project: Project, name: str) -> None:
        """Give a stored project a name, 1 to 255 printable characters; configs keep the one that is in them."""
        await self._require(project, "admin")
        await self._all.rename(project, name)

    async def _require(self, project: Project, needed: Role) -> None:
        if self._principal is not None:
            async with self._databases.use_to_read(project) as database:
                await database.read(partial(require, needed=needed))

    async def create_project(self, name: str) -> Project:
        """A new project, whose admin is who creates it."""
        return await self._all.create(name, admin=self._principal)

    async def discard_project(self, project: Project) -> None:
        """Remove a project that was created in vain; one in which anything was done stays."""
        await self._require(project, "admin")
        await self._all.discard(project)

    async def members(self, project: Project) -> tuple[Member, ...]:
        """The members of the project, by name; none of one that nobody has worked in yet."""
        async with self._databases.use_to_read(project) as database:
            return await database.read(members_of)

    async def set_member(self, project: Project, member: Member) -> Role | None:
        """Make a principal a member, or give a member another role; the role that it had before.

        Raises:
            ProjectError: `ADMIN_REQUIRED`, for the last admin.
        """
        await self._require(project, "admin")
        async with self._databases.use(project) as database:
            return await database.write(partial(set_member, member=member))

    async def remove_member(self, project: Project, principal: str) -> None:
        """Let a principal be no member any longer.

        Raises:
            ProjectError: `ADMIN_REQUIRED`, for the last admin; `MEMBER_UNKNOWN`.
        """
        await self._require(project, "admin")
        async with self._databases.use(project) as database:
            await database.write(partial(remove_member, principal=principal))

    async def archive_project(self, project: Project, *, archived: bool = True) -> bool:
        """Archive a stored project, which lists then leave out, or end that; whether it was otherwise before."""
        await self._require(project, "admin")
        async with self._databases.use(project) as database:
            return await database.write(partial(set_archived, archived=archived))

    async def repositories(self, project: Project) -> tuple[Repository, ...]:
        """The repositories that work in the project, in the order in which they joined."""
        async with self._databases.use_to_read(project) as database:
            return await database.read(repositories_of)

    async def directories(self, project: Project) -> tuple[str, ...]:
        """The directories from which the project was changed last, the latest first, then those of its repositories.

        Some may be gone by now.
        """
        async with self._databases.use_to_read(project) as database:
            return await database.read(_directories)

    async def add_repository(self, project: Project, repository: Repository) -> None:
        """Let a repository be one that works in the project."""
        async with self._databases.use(project) as database:
            await database.write(partial(add_repository, repository=repository))

    def changes(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """Enter it for a signal that is told of all that is committed in the project, by whichever process.

        However many read them, a project is looked at by one task, and not at all when nobody does.
        """
        return self._databases.changes(project)


def _directories(tx: Transaction) -> tuple[str, ...]:
    from workflow_mcp.storage.events.history import directories_of

    return (*directories_of(tx), *(one.directory for one in repositories_of(tx)))
