"""Hosts that show MCP Apps: an agent, and the board's page that its user has open beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from mcp.client.extension import ClientExtension

from tests.clients.agents import Agent
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import MODERN, SHOWS_APPS, Era
from workflow_mcp import build_server
from workflow_mcp.transports.board_app import BoardApp


class ShowsApps(ClientExtension):
    """What such a host declares."""

    (identifier,) = SHOWS_APPS

    def settings(self) -> dict[str, Any]:
        """The media type that it shows."""
        return SHOWS_APPS[self.identifier]


@dataclass
class Host(Agent):
    """An agent whose user has the board open."""

    project: str = ""

    async def show(self) -> str:
        """Open the board; what the model reads."""
        answer = await self.call("show_board")
        assert not answer.is_error, answer.text
        self.project = answer.data["project"]
        return answer.text

    async def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the answer that the page gets."""
        answer = await self.data("board_request", path=path, **({} if body is None else {"body": body}))
        return answer["status"], answer["answer"]

    async def page(self, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer within the project, with this status."""
        found, answer = await self.ask(f"projects/{self.project}/{path}", body)
        assert found == status, answer
        return answer

    async def states(self) -> dict[str, list[int]]:
        """The ids in each column that the page shows."""
        return {one["name"]: [card["id"] for card in one["items"]] for one in (await self.page("board"))["columns"]}


def app_server(base: Path, **settings: Any) -> FastMCP:
    """A server as the transports serve it."""
    server = build_server(isolated_settings(base, **settings))
    server.add_transform(BoardApp())
    return server


@asynccontextmanager
async def host_on(base: Path, folder: Path, era: Era = MODERN) -> AsyncIterator[Host]:
    """A host of a server of its own in memory, at work in a folder."""
    async with in_memory(app_server(base), era, extensions=[ShowsApps()]) as peer:
        host = Host(peer)
        await host.go(folder)
        yield host
