"""Resources, which clients read without calling a tool."""

from __future__ import annotations

import json

from workflow_mcp.server import rows
from workflow_mcp.server.arguments import ItemId
from workflow_mcp.server.dependencies import CurrentWorkItems, CurrentWorkspace
from workflow_mcp.server.fitting import json_text
from workflow_mcp.server.item_results import detail_result
from workflow_mcp.server.results import workspace_result
from workflow_mcp.server.whole_items import as_object
from workflow_mcp.work.values import ItemQuery
from workflow_mcp.workspace.values import Workspace
from workflow_mcp.workspace.work_items import WorkItems


async def workspace_resource(workspace: Workspace = CurrentWorkspace(required=False)) -> str:
    """The workspace of the reader: session, directory, config and project, each with its source."""
    return workspace_result(workspace).model_dump_json(indent=2)


async def config_schema_resource() -> str:
    """The JSON Schema of .workflow-mcp/config.json."""
    from workflow_mcp.workspace.config_model import config_schema

    return json.dumps(config_schema(), indent=2)


async def work_item_resource(
    id: ItemId,
    work: WorkItems = CurrentWorkItems(),
) -> str:
    """One work item of the reader's project, whole."""
    return json_text(as_object(detail_result(work, await work.get(id))))


async def ready_resource(work: WorkItems = CurrentWorkItems()) -> str:
    """The work items of the reader's project that are ready to be claimed, one a line."""
    return await rows.list_text(work, ItemQuery(limit=200))
