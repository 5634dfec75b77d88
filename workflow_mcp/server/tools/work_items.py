"""Tools and resources for work items. Their bodies are in `work`, which the first call that needs it imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastmcp import FastMCP
from fastmcp.dependencies import CurrentContext
from fastmcp.server.context import Context
from pydantic import Field

from workflow_mcp.server.annotations import CREATE, READ, WRITE
from workflow_mcp.server.arguments import (
    ActorArgument,
    Cursor,
    Ids,
    LinkKind,
    NewWorkItems,
    Number,
    OneType,
    SessionArgument,
    Text,
    View,
    WorkItemUpdates,
)
from workflow_mcp.server.calls import CurrentWorkspace, caller_of, client_errors, imported, services_of
from workflow_mcp.server.results import ClaimResult, WorkItemDetail
from workflow_mcp.workspace.values import Workspace

if TYPE_CHECKING:
    from workflow_mcp.server.work import Desk


async def create_work_items(
    items: NewWorkItems,
    actor: ActorArgument = None,
    request_id: Annotated[Text, Field(description="Repeat it to retry safely.")] = None,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """Create 1-100 work items at once, all or none: a whole plan. Give an item a `ref` to name it as
    parent or dependency of others in the same call."""
    desk = await desk_of(context, workspace, actor)
    return await desk.create(items, request_id)


async def list_work_items(
    view: View = "ready",
    parent: Number = None,
    item_type: OneType = None,
    label: Text = None,
    text: Text = None,
    assignee: Text = None,
    limit: Annotated[int, Field(description="Up to 200")] = 50,
    cursor: Cursor = None,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """List this project's work items, one a line: #id type priority state title @assignee."""
    desk = await desk_of(context, workspace, None)
    from workflow_mcp.work.values import ItemQuery  # noqa: PLC0415 - imported by then

    query = ItemQuery(
        view=view, parent=parent, item_type=item_type, label=label, text=text, assignee=assignee,
        limit=limit, cursor=cursor,
    )  # fmt: skip
    return await desk.list(query)


async def get_work_item(
    id: int,  # noqa: A002 - the name of the field
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> WorkItemDetail:
    """Read one work item whole: fields, ancestors, children, links both ways, notes, history, why it is not ready."""
    desk = await desk_of(context, workspace, None)
    return await desk.get(id)


async def claim_work_item(
    id: Number = None,  # noqa: A002 - the name of the field
    actor: ActorArgument = None,
    lease_minutes: Annotated[int, Field(ge=1, le=43_200)] = 60,
    item_type: OneType = None,
    label: Text = None,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> ClaimResult:
    """Take a work item, or without id the first ready one, so that nobody else does.
    Any update of yours renews the lease; when it ran out others may take the item."""
    desk = await desk_of(context, workspace, actor)
    return await desk.claim(id, lease_minutes, item_type, label)


async def update_work_items(
    updates: WorkItemUpdates,
    actor: ActorArgument = None,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """Change 1-100 work items, all or none; status=completed finishes one. An item somebody else
    claimed needs its current expected_version. The answer says what became ready."""
    desk = await desk_of(context, workspace, actor)
    return await desk.update(updates)


async def link_work_items(
    id: int,  # noqa: A002 - the name of the field
    other: int,
    kind: LinkKind,
    remove: bool = False,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """Say that item `id` blocks, relates to, duplicates or was discovered from item `other`, or remove that."""
    desk = await desk_of(context, workspace, None)
    return await desk.link(id, other, kind, remove=remove)


async def delete_work_items(
    ids: Ids,
    restore: bool = False,
    confirm: Annotated[bool, Field(description="Needed with children")] = False,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """Hide work items and what is below them; restore=true brings them back. Nothing is lost."""
    desk = await desk_of(context, workspace, None)
    return await desk.delete(ids, restore=restore, confirm=confirm)


async def work_item_resource(
    id: int,  # noqa: A002 - the name in the URI
    workspace: Workspace = CurrentWorkspace(),
    context: Context = CurrentContext(),
) -> str:
    """One work item of the reader's project, whole."""
    desk = await desk_of(context, workspace, None)
    return (await desk.get(id)).model_dump_json(indent=2)


async def ready_resource(workspace: Workspace = CurrentWorkspace(), context: Context = CurrentContext()) -> str:
    """The work items of the reader's project that are ready to be claimed, one a line."""
    desk = await desk_of(context, workspace, None)
    from workflow_mcp.work.values import ItemQuery  # noqa: PLC0415 - imported by then

    return await desk.list(ItemQuery(limit=200))


async def desk_of(context: Context, workspace: Workspace, actor: str | None) -> Desk:
    """The project's data in the hands of `actor`, else of whoever the session is."""
    work = await imported("workflow_mcp.server.work")
    services = services_of(context)
    data = await services.projects.data_of(workspace)
    name = actor or services.connections.actor(workspace.session_key)
    who = work.Actor(name or caller_of(context).principal or "somebody", workspace.directory or "")
    desk: Desk = work.Desk(data, who, identified=name is not None)
    return desk


def register(server: FastMCP) -> None:
    """Add this module's tools and resources to a server."""
    server.tool(client_errors(create_work_items), annotations=CREATE, output_schema=None)
    server.tool(client_errors(list_work_items), annotations=READ, output_schema=None)
    server.tool(client_errors(get_work_item), annotations=READ)
    server.tool(client_errors(claim_work_item), annotations=CREATE)
    server.tool(client_errors(update_work_items), annotations=CREATE, output_schema=None)
    server.tool(client_errors(link_work_items), annotations=WRITE, output_schema=None)
    server.tool(client_errors(delete_work_items), annotations=WRITE, output_schema=None)
    as_json, as_text = "application/json", "text/plain"
    server.resource("workflow://work-items/{id}", name="work-item", mime_type=as_json)(
        client_errors(work_item_resource)
    )
    server.resource("workflow://ready", name="ready", mime_type=as_text)(client_errors(ready_resource))
