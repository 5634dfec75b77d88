"""Which repositories work in a project: `workflow-mcp join`, and what `doctor` says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.steps import Step
from workflow_mcp.errors import WorkflowError, shown
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.joining import Membership, places
from workflow_mcp.workspace.local import open_local
from workflow_mcp.workspace.values import Location, Workspace


def join(directory: Annotated[str, Parameter(help="The directory; default: where you are.")] = ".") -> None:
    """Let this repository work in the project that its config names, where others do already."""
    settings = load_settings()

    async def joined() -> tuple[Project, Membership]:
        async with open_local(settings) as local:
            location = await local.locator.locate(settings.absolute(directory), "option")
            return await local.projects.join(location)

    project, found = asyncio.run(joined())
    also = f", in which {places(found.others)} works too" if found.others else ""
    print(f"{found.repository.directory} joined the project {shown(project.name)}{also}.")


def about_repositories(location: Location, settings: Settings) -> Iterator[Step]:
    """The step that says which repositories work in the location's project."""

    async def looked() -> Membership | None:
        async with open_local(settings) as local:
            data = await local.projects.data_of(Workspace(None, None, location, location.project, chosen=True))
            known = data.project.id is not None
            return await local.projects.joining.membership(data.store, data.project, location) if known else None

    try:
        found = None if location.project is None else asyncio.run(looked())
    except WorkflowError as error:
        yield Step("repositories", "problem", error_line(error))
        return
    if found is not None:
        yield _step(found, settings)


def _step(found: Membership, settings: Settings) -> Step:
    others = ", ".join(one.directory for one in found.others)
    if not found.is_stranger:
        return Step("repositories", "ok", f"{found.repository.directory}{', and also ' if others else ''}{others}")
    what = f"{others} works in this project, and {found.repository.directory} has not joined it"
    if settings.join == "ask":
        return Step("repositories", "problem", f"{what}: `workflow-mcp join` lets it")
    return Step("repositories", "none", f"{what}: the first change from here does, and says so")
