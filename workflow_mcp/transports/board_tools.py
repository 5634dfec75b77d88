"""The tools and the page of the board within a conversation, for clients that show MCP Apps."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastmcp.apps.config import UI_MIME_TYPE, AppConfig, ResourceCSP, app_config_to_meta_dict
from fastmcp.resources import Resource
from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from pydantic import Field

from workflow_mcp.app import Services
from workflow_mcp.board.access import Viewer, viewer_name
from workflow_mcp.board.app_page import app_page
from workflow_mcp.board.in_process import InProcessBoard
from workflow_mcp.errors import Code, ProjectError
from workflow_mcp.server.arguments import SessionArgument
from workflow_mcp.server.board_text import board_text
from workflow_mcp.server.calls import caller_of
from workflow_mcp.server.catalog import BOARD_PAGE, CREATE, READ, described
from workflow_mcp.server.compat import undocumented
from workflow_mcp.server.dependencies import CurrentWorkspace
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.caller import Caller
from workflow_mcp.work.text import visible
from workflow_mcp.work.values import Actor
from workflow_mcp.workspace.projects import ProjectData
from workflow_mcp.workspace.user import find_user
from workflow_mcp.workspace.values import Workspace
from workflow_mcp.workspace.work_items import WorkItems

FOR_BOTH = AppConfig(resource_uri=BOARD_PAGE, visibility=["model", "app"])
FOR_THE_PAGE = AppConfig(resource_uri=BOARD_PAGE, visibility=["app"])
# It loads nothing from anywhere, and asks nobody but its host.
PAGE = AppConfig(
    csp=ResourceCSP(connect_domains=[], resource_domains=[], frame_domains=[], base_uri_domains=[]),
    prefers_border=True,
)


class BoardTools:
    """The tools and the page of one server."""

    def __init__(self) -> None:
        self._board: InProcessBoard | None = None
        self._users: dict[str, str] = {}

    def tools(self) -> tuple[Tool, ...]:
        """For the model and the page, and for the page alone (SEP-1865, "Visibility")."""
        return (
            described(self.show_board, READ, False, meta=_meta(FOR_BOTH)),
            described(self.board_request, CREATE, False, meta=_meta(FOR_THE_PAGE)),
        )

    def page(self) -> Resource:
        """The page (SEP-1865, "UI Resource Format")."""
        return Resource.from_function(
            undocumented(board_page), BOARD_PAGE, name="board", description=board_page.__doc__,
            mime_type=UI_MIME_TYPE, meta=_meta(PAGE),
        )  # fmt: skip

    async def show_board(
        self,
        session: SessionArgument = None,
        workspace: Workspace = CurrentWorkspace(),
    ) -> ToolResult:
        """Show the user this project's board, on which they see and change its work items.
        You get it as text: backlog, ready, in progress, done, and epics."""
        data, viewer = await self._looked_at(get_context(), session, workspace)
        text = await board_text(WorkItems(data, Actor(viewer.actor, workspace.directory or "")))
        begin = {
            "project": viewer.project,
            "project_name": visible(data.project.name),
            "session": session,
            "actor": viewer.actor,
            # Some hosts show their models the structured content, and then none of the text.
            "board": text,
        }
        return ToolResult(content=text, structured_content=begin)

    async def board_request(
        self,
        path: Annotated[str, Field(description="Below the board's interface, with parameters.")],
        body: Annotated[dict[str, Any] | None, Field(description="A change; without it, reads.")] = None,
        session: SessionArgument = None,
        workspace: Workspace = CurrentWorkspace(),
    ) -> dict[str, Any]:
        """Ask the board of this project, for its page."""
        context = get_context()
        _, viewer = await self._looked_at(context, session, workspace)
        return await self._board_of(context).ask(viewer, path, body)

    async def _looked_at(
        self, context: Context, session: str | None, workspace: Workspace
    ) -> tuple[ProjectData, Viewer]:
        """The project of a call, and who looks at it and at no other.

        Raises:
            WorkflowError: the tools that read work items would not be allowed to; `NO_PROJECT` for one without an id.
        """
        services, caller = services_of(context), caller_of(context, session)
        data = await services.projects.data_of(workspace)
        if data.project.id is None:
            what = f"the project of {workspace.directory} has no id yet, so it has no board."
            raise ProjectError(Code.NO_PROJECT, what, "call init_project(), which gives it one.")
        viewer = Viewer(
            viewer_name(await self._called(services, caller, workspace.directory or "")),
            caller.principal,
            project=data.project.id,
            project_name=data.project.name,
            directory=workspace.directory,
            only=True,
        )
        return data, viewer

    async def _called(self, services: Services, caller: Caller, directory: str) -> str:
        """What a person is called: as their token, or who uses this machine as git there calls them."""
        if caller.is_http:
            return caller.principal or services.connections.actor(caller) or ""
        if directory not in self._users:
            # Asked once, because a page asks for changes every few seconds.
            self._users[directory] = (await find_user(directory)).name
        return self._users[directory]

    def _board_of(self, context: Context) -> InProcessBoard:
        services = services_of(context)
        if self._board is None or self._board.services is not services:
            self._board = InProcessBoard(services)
        return self._board


async def board_page() -> str:
    """The board of a project."""
    return await asyncio.to_thread(app_page)


def _meta(app: AppConfig) -> dict[str, Any]:
    return {"ui": app_config_to_meta_dict(app)}
