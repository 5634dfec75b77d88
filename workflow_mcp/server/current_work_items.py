"""The work items of the caller's project, injected into tools and resources."""

from __future__ import annotations

from typing import cast

from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_context
from uncalled_for import Dependency, current_frame

from workflow_mcp.server.calls import call_of, services_of, told_to_client
from workflow_mcp.work.values import Actor
from workflow_mcp.workspace.values import Call, Workspace
from workflow_mcp.workspace.work_items import WorkItems

ANYBODY = "somebody"


class _CurrentWorkItems(Dependency[WorkItems]):
    async def __aenter__(self) -> WorkItems:
        context, arguments = get_context(), current_frame().provided
        with told_to_client():
            return await _work_items(context, call_of(context, arguments.get("session")), arguments.get("actor"))


async def _work_items(context: Context, call: Call, actor: str | None) -> WorkItems:
    services = services_of(context)
    workspace = await services.resolver.require(call)
    data = await services.projects.data_of(workspace)
    name = actor or services.connections.actor(workspace.session_key)
    return WorkItems(data, _actor(name, call, workspace), identified=name is not None)


def _actor(name: str | None, call: Call, workspace: Workspace) -> Actor:
    return Actor(name or call.caller.principal or ANYBODY, workspace.directory or "")


def CurrentWorkItems() -> WorkItems:  # noqa: N802 - stands for its value
    """The work items of the caller's project, as the default of a tool's or a resource's parameter.

    The `session` and `actor` arguments of the same tool, if it has them, say whose call it is.
    """
    return cast("WorkItems", _CurrentWorkItems())
