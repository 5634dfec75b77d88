"""Dependencies of tools, resources and prompts: the caller's workspace, and its project's work items."""

from __future__ import annotations

from typing import cast

from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_context
from uncalled_for import Dependency, current_frame

from workflow_mcp.server.calls import call_of
from workflow_mcp.server.services import services_of
from workflow_mcp.work.text import name_from
from workflow_mcp.work.validation import MAX_NAME_LENGTH
from workflow_mcp.work.values import Actor
from workflow_mcp.workspace.values import Call, Workspace
from workflow_mcp.workspace.work_items import WorkItems

ANONYMOUS = "somebody"


class _CurrentWorkspace(Dependency[Workspace]):
    def __init__(self, *, required: bool, choice: bool) -> None:
        self._required = required
        self._choice = choice

    async def __aenter__(self) -> Workspace:
        context = get_context()
        handle = current_frame().provided.get("session")
        services = services_of(context)
        resolve = services.resolver.require if self._required else services.resolver.resolve
        workspace = await resolve(call_of(context, handle), choice=self._choice)
        if workspace.project is not None:
            services.projects.open_soon()
        return workspace


def CurrentWorkspace(*, required: bool = True, choice: bool = True) -> Workspace:  # noqa: N802 - named after the value it injects
    """The caller's workspace, as the default of a tool's or a resource's parameter.

    A `session` argument of the same tool, if it has one, is the handle. With `required`, the call is refused
    when no directory is known; otherwise the workspace's `location` is then None. Without `choice`, its
    project is the config's even if the session chose another.

    Example:
        @host.tool
        def where(workspace: Workspace = CurrentWorkspace()) -> str:
            return workspace.directory
    """
    return cast("Workspace", _CurrentWorkspace(required=required, choice=choice))


class _CurrentWorkItems(Dependency[WorkItems]):
    def __init__(self, *, create: bool) -> None:
        self._create = create

    async def __aenter__(self) -> WorkItems:
        context, arguments = get_context(), current_frame().provided
        call = call_of(context, arguments.get("session"))
        return await _work_items(context, call, arguments.get("actor"), create=self._create)


async def _work_items(context: Context, call: Call, actor: str | None, *, create: bool) -> WorkItems:
    services = services_of(context)
    workspace = await services.resolver.require(call)
    data = await services.projects.data_of(workspace, create=create)
    name = actor or services.connections.actor(call.caller)
    earlier = () if actor or call.caller.handle is not None else call.earlier
    who = Actor(
        name or name_from(call.caller.principal or "", MAX_NAME_LENGTH) or ANONYMOUS, workspace.directory or "", earlier
    )
    return WorkItems(data, who, identified=name is not None)


def CurrentWorkItems(*, create: bool = False) -> WorkItems:  # noqa: N802 - named after the value it injects
    """The work items of the caller's project, as the default of a tool's or a resource's parameter.

    `session` and `actor` arguments of the same tool, if it has them, are the handle and the actor's name. With
    `create`, which a tool that changes work items needs, a project without data is created.
    """
    return cast("WorkItems", _CurrentWorkItems(create=create))
