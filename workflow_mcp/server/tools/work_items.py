"""Tools for work items; each calls the service and formats its result."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from workflow_mcp.server import rows
from workflow_mcp.server.arguments import (
    ActorArgument,
    Cursor,
    ItemId,
    ItemIds,
    NewWorkItems,
    OptionalInteger,
    OptionalItemId,
    OptionalItemType,
    OptionalText,
    OptionalView,
    SessionArgument,
    WorkItemUpdates,
    item_update,
    new_item,
)
from workflow_mcp.server.claim_results import claim_result
from workflow_mcp.server.dependencies import CurrentWorkItems
from workflow_mcp.server.fitting import json_text
from workflow_mcp.server.item_results import detail_result
from workflow_mcp.server.trees import tree_text
from workflow_mcp.server.waiting import unless_client_leaves, wanted_still
from workflow_mcp.server.whole_items import as_object
from workflow_mcp.work.validation import MAX_WAIT_SECONDS
from workflow_mcp.work.values import ItemQuery, LinkKind, Part
from workflow_mcp.workspace.work_items import WorkItems


async def create_work_items(
    items: NewWorkItems,
    actor: ActorArgument = None,
    request_id: Annotated[OptionalText, Field(description="Repeat it to retry safely.")] = None,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(create=True),
) -> str:
    """Create 1-100 work items at once, all or none: a whole plan. Give an item a `ref` to name it as
    parent or dependency of others in the same call."""
    result = await work.create([new_item(item) for item in items], request_id)
    return rows.created_text(work, result, request_id, [item.ref for item in items])


async def list_work_items(
    view: OptionalView = None,
    parent: OptionalItemId = None,
    item_type: OptionalItemType = None,
    label: OptionalText = None,
    text: OptionalText = None,
    assignee: OptionalText = None,
    limit: Annotated[int, Field(description="Up to 200")] = 50,
    cursor: Cursor = None,
    actor: ActorArgument = None,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(),
) -> str:
    """List this project's work items, one a line: #id type priority state "title" @assignee."""
    query = ItemQuery(
        view=view or ("open" if assignee else "ready"), parent=parent, item_type=item_type, label=label,
        text=text, assignee=assignee, limit=limit, cursor=cursor,
    )  # fmt: skip
    return await (tree_text if view == "tree" else rows.list_text)(work, query)


async def get_work_item(
    id: ItemId,
    note: Annotated[OptionalInteger, Field(description="Only this note")] = None,
    before_note: OptionalInteger = None,
    before_event: OptionalInteger = None,
    entry: Annotated[int, Field(ge=1, description="First criterion or evidence")] = 1,
    start: Annotated[int, Field(ge=0, description="Read a long description or note from here")] = 0,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(),
) -> str:
    """Read one work item: fields, ancestors, children, links both ways, notes, history, why it is not ready."""
    detail = await work.get(id, Part(note, before_note, before_event))
    return json_text(as_object(detail_result(work, detail, note=note, start=start, entry=entry)))


async def claim_work_item(
    id: OptionalItemId = None,
    actor: ActorArgument = None,
    lease_minutes: Annotated[int, Field(ge=1, le=43_200)] = 60,
    item_type: OptionalItemType = None,
    label: OptionalText = None,
    request_id: OptionalText = None,
    wait_seconds: Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS, description="Wait until it is ready")] = 0,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(create=True),
) -> str:
    """Take a work item, or without id the first ready one, so that nobody else does.
    Any update of yours renews the lease; when it ran out others may take the item."""
    claiming = work.claim(
        id,
        lease=timedelta(minutes=lease_minutes),
        item_type=item_type,
        label=label,
        request_id=request_id,
        wait_seconds=wait_seconds,
        wanted_still=wanted_still() if wait_seconds else None,
    )
    claim = await (unless_client_leaves(claiming) if wait_seconds else claiming)
    return json_text(as_object(await claim_result(work, claim, item_id=id, waited=wait_seconds)))


async def update_work_items(
    updates: WorkItemUpdates,
    actor: ActorArgument = None,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(create=True),
) -> str:
    """Change 1-100 work items, all or none; status=completed finishes one, in_progress claims one.
    What somebody else claimed needs its current expected_version. The answer says what became ready."""
    result = await work.update([item_update(update) for update in updates])
    return rows.updated_text(work, result)


async def link_work_items(
    id: ItemId,
    other: ItemId,
    kind: LinkKind,
    remove: bool = False,
    actor: ActorArgument = None,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(create=True),
) -> str:
    """Say that item `id` blocks, relates to, duplicates or was discovered from item `other`, or remove that."""
    result = await work.link(id, other, kind, remove=remove)
    return rows.linked_text(work, f"#{id} {kind} #{other}", result, remove=remove)


async def delete_work_items(
    ids: ItemIds,
    restore: bool = False,
    confirm: Annotated[bool, Field(description="Needed with children")] = False,
    actor: ActorArgument = None,
    session: SessionArgument = None,
    work: WorkItems = CurrentWorkItems(create=True),
) -> str:
    """Hide work items and what is below them; restore=true brings them back. Nothing is lost."""
    result = await work.delete(ids, restore=restore, confirm=confirm)
    return rows.deleted_text(work, result, restore=restore)
