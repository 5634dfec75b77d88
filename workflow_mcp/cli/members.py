"""`workflow-mcp members`: which principals may work in a project, and what each may do there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Parameter

from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json
from workflow_mcp.errors import shown
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.work.members import Member, Role, check_principal, not_a_member
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.local import LocalProjects, open_local
from workflow_mcp.workspace.projects import dry_run_error
from workflow_mcp.workspace.values import Workspace

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store

T = TypeVar("T")

app = App(name="members", help_format="plaintext")
Principal = Annotated[
    str, Parameter(help="The name that its token has in the tokens file, or the subject of its JWTs.")
]
Named = Annotated[
    str | None, Parameter(name="--project", help="Another project than the directory's, by its id or its name.")
]
GivenRole = Annotated[
    Role, Parameter(name="--role", help="read; write, which includes it; admin, which includes both.")
]


@app.default
def members(*, directory: Directory = ".", project: Named = None, as_json: Json = False) -> None:
    """List who may work in a project over HTTP, where tokens are asked for, and let others in or out."""
    found, listed = _with_project(directory, project, _listed)
    if as_json:
        print_json({"project": _object(found), "members": [_member(one) for one in listed]})
        return
    print_text(f"{found.name}: {_counted(len(listed))}")
    for one in listed:
        print_text(f"  {one.principal}  {one.role}")


@app.command(name="list")
def list_members(*, directory: Directory = ".", project: Named = None, as_json: Json = False) -> None:
    """List the members of a project, as `members` alone does."""
    members(directory=directory, project=project, as_json=as_json)


@app.command
def add(
    principal: Principal,
    /,
    *,
    role: GivenRole = "write",
    directory: Directory = ".",
    project: Named = None,
    as_json: Json = False,
) -> None:
    """Let a principal into a project, or give a member another role; the last admin keeps its own."""
    check_principal(principal)
    member = Member(principal, role)
    found, before = _with_project(directory, project, lambda store, found: store.set_member(found, member), create=True)
    if as_json:
        print_json({"project": _object(found), **_member(member), "before": before})
    else:
        print_text(f"{found.name}: {shown(principal)} has the role {role}{'' if before is None else f', not {before}'}")


@app.command
def remove(
    principal: Principal, /, *, directory: Directory = ".", project: Named = None, as_json: Json = False
) -> None:
    """Let a member be one no longer: it reaches nothing of the project from its next call on."""
    found, _ = _with_project(directory, project, partial(_removed, principal=principal))
    if as_json:
        print_json({"project": _object(found), "principal": principal, "role": None})
    else:
        print_text(f"{found.name}: {shown(principal)} is a member no longer")


async def _listed(store: Store, project: Project) -> tuple[Member, ...]:
    return await store.members(project)


async def _removed(store: Store, project: Project, *, principal: str) -> None:
    # Asked first, for a project that nobody has worked in yet is not to be made by this.
    if principal not in {one.principal for one in await store.members(project)}:
        raise not_a_member(principal)
    await store.remove_member(project, principal)


def _counted(count: int) -> str:
    return f"{count or 'no'} member{'' if count == 1 else 's'}"


def _object(project: Project) -> dict[str, Any]:
    return {"id": project.id, "name": project.name}


def _member(one: Member) -> dict[str, Any]:
    return {"principal": one.principal, "role": one.role}


def _with_project(
    directory: str, named: str | None, act: Callable[[Store, Project], Awaitable[T]], *, create: bool = False
) -> tuple[Project, T]:
    """A project, and what `act` does in it; with `create` it is made where nobody has worked in it yet."""
    settings = load_settings()

    async def run() -> tuple[Project, T]:
        async with open_local(settings) as local:
            store = await local.projects.store()
            found = await _project(local, settings, directory, create=create) if named is None else None
            project = found or await store.find_project(named or "")
            return project, await act(store, project)

    return asyncio.run(run())


async def _project(local: LocalProjects, settings: Settings, directory: str, *, create: bool) -> Project:
    location = await local.locator.locate(settings.absolute(directory), "option")
    if create and location.dry_run_config is not None:
        raise dry_run_error(location.dry_run_config, "a member would be let in")
    data = await local.projects.data_of(Workspace(None, None, location, location.project), create=create)
    return data.project
