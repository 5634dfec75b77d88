"""From a directory on the command line to its location and its work items, and to the files of all projects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.work.values import Actor
from workflow_mcp.workspace.local import open_local
from workflow_mcp.workspace.user import find_user
from workflow_mcp.workspace.values import Location, Workspace
from workflow_mcp.workspace.work_items import WorkItems

ACTOR = "workflow-mcp"


def locate(directory: str, settings: Settings) -> Location:
    """The location of an absolute directory.

    Raises:
        DirectoryError: the directory cannot be used.
        ConfigError: the config that applies there cannot be used.
    """

    async def located() -> Location:
        async with open_local(settings) as local:
            return await local.locator.locate(directory, "option")

    return asyncio.run(located())


def require_files(settings: Settings, what: str, next_step: str) -> None:
    """Refuse a command about projects' files where their work is in a database.

    Raises:
        UsageError: `STORE_NOT_IN_FILES`.
    """
    if settings.database_url is not None:
        why = f"the projects are in a PostgreSQL database, and {what} projects' files."
        raise UsageError(Code.STORE_NOT_IN_FILES, why, next_step)


def known_projects(settings: Settings) -> KnownProjects:
    """Which projects the data directory has had."""
    return KnownProjects(settings.data_dir, settings.state_dir)


def with_work_items(directory: str, command: Callable[[WorkItems], Awaitable[None]], *, create: bool = False) -> None:
    """Run a command on the work items of the directory's project, as the program itself.

    A command that changes them needs `create`: with it the project is made when nobody has worked in it yet.
    """
    _run(directory, command, _program, create=create)


def changing(directory: str, actor: str | None, command: Callable[[WorkItems], Awaitable[None]]) -> None:
    """Run a command that changes work items, as `actor`, or as the user."""

    async def named(where: str) -> str:
        return actor if actor is not None else (await find_user(where)).name

    _run(directory, command, named, create=True)


async def _program(_where: str) -> str:
    return ACTOR


def _run(
    directory: str,
    command: Callable[[WorkItems], Awaitable[None]],
    actor_in: Callable[[str], Awaitable[str]],
    *,
    create: bool,
) -> None:
    settings = load_settings()

    async def run() -> None:
        async with open_local(settings) as local:
            location = await local.locator.locate(settings.absolute(directory), "option")
            workspace = Workspace(None, None, location, location.project)
            data = await local.projects.data_of(workspace, create=create)
            where = location.directory.path
            await command(WorkItems(data, Actor(await actor_in(where), where)))

    asyncio.run(run())
