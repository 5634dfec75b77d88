"""Tools that list the projects and choose one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastmcp.dependencies import CurrentContext
from fastmcp.server.context import Context
from pydantic import Field

from workflow_mcp.server.arguments import Cursor, OptionalText, SessionArgument
from workflow_mcp.server.calls import caller_of
from workflow_mcp.server.dependencies import CurrentWorkspace
from workflow_mcp.server.fitting import MAX_TEXT_BYTES
from workflow_mcp.server.results import WorkspaceResult, workspace_result
from workflow_mcp.server.rows import projects_text
from workflow_mcp.server.services import services_of
from workflow_mcp.server.tools.session import key_to_set
from workflow_mcp.work.lines import text_size
from workflow_mcp.workspace.resolver import check_choice, chosen_project
from workflow_mcp.workspace.values import Workspace


async def list_projects(
    text: Annotated[OptionalText, Field(description="In the name")] = None,
    limit: int = 50,
    cursor: Cursor = None,
    archived: bool = False,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(required=False, choice=False),
    context: Context = CurrentContext(),
) -> str:
    """List projects, name and id."""
    services = services_of(context)
    store = await services.projects.store(workspace.principal)
    # Not looked up: where the chosen one is gone, another is to be found here.
    current = chosen_project(await services.resolver.session(caller_of(context, session))) or _id_of(workspace)
    while True:
        page = await store.list_projects(text, limit, cursor, archived=archived)
        answer = projects_text(page, current, workspace.principal)
        if text_size(answer) <= MAX_TEXT_BYTES or len(page.projects) <= 1:
            return answer
        limit = len(page.projects) // 2


async def switch_project(
    project: Annotated[str, Field(description="Id or name; empty: the config's")],
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(choice=False),
    context: Context = CurrentContext(),
) -> WorkspaceResult:
    """Work in another project, in this session only, until you switch back or set another directory.
    If the result has a `session`, pass it in every later call."""
    services = services_of(context)
    key, handle = key_to_set(caller_of(context, session))
    if not project:
        config_path = workspace.config_path
        await services.sessions.set_project(key, config_path=config_path, project_id=_id_of(workspace))
        return workspace_result(replace(workspace, handle=handle))
    chosen = await services.projects.choose(project, workspace.location, workspace.principal)
    check_choice(workspace.location, chosen.id or "")
    await services.sessions.set_project(key, config_path=None, project_id=chosen.id)
    return workspace_result(replace(workspace, session_key=key, handle=handle, project=chosen, chosen=True))


def _id_of(workspace: Workspace) -> str | None:
    return None if workspace.project is None else workspace.project.id
