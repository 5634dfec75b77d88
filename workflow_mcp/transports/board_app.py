"""The board within a conversation: an MCP App (SEP-1865) that only clients which show such apps get to see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from fastmcp.apps.config import UI_EXTENSION_ID
from fastmcp.resources import Resource
from fastmcp.server.dependencies import get_context
from fastmcp.server.transforms import GetResourceNext, GetToolNext, Transform
from fastmcp.tools import Tool
from fastmcp.utilities.versions import VersionSpec

from workflow_mcp.server.calls import handshake_of

if TYPE_CHECKING:
    from workflow_mcp.transports.board_tools import BoardTools


class BoardApp(Transform):
    """Adds the board's tools and page to a server, for each request of a client that declares the extension.

    For other clients there are none: not in lists, nor when they are called by their names. What the board needs is
    loaded when the first such client asks.
    """

    @cached_property
    def _board(self) -> BoardTools:
        from workflow_mcp.transports.board_tools import BoardTools

        return BoardTools()

    @cached_property
    def _tools(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self._board.tools()}

    @cached_property
    def _page(self) -> Resource:
        return self._board.page()

    async def list_tools(self, tools: Sequence[Tool]) -> Sequence[Tool]:
        """See `Transform`."""
        return [*tools, *self._tools.values()] if _shows_apps() else tools

    async def get_tool(self, name: str, call_next: GetToolNext, *, version: VersionSpec | None = None) -> Tool | None:
        """See `Transform`."""
        tool = await call_next(name, version=version)
        return self._tools.get(name) if tool is None and _shows_apps() else tool

    async def list_resources(self, resources: Sequence[Resource]) -> Sequence[Resource]:
        """See `Transform`."""
        return [*resources, self._page] if _shows_apps() else resources

    async def get_resource(
        self, uri: str, call_next: GetResourceNext, *, version: VersionSpec | None = None
    ) -> Resource | None:
        """See `Transform`."""
        if _shows_apps() and uri == str(self._page.uri):
            return self._page
        return await call_next(uri, version=version)


def _shows_apps() -> bool:
    try:
        context = get_context()
    except RuntimeError:  # FastMCP looks at its tools when it starts, too, and then serves nobody
        return False
    handshake = handshake_of(context)
    if handshake is not None:
        return handshake.shows_apps
    return context.client_supports_extension(UI_EXTENSION_ID)
