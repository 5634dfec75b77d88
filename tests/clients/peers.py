"""One client interface over era and transport, so that one test body holds for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from fastmcp import Client, FastMCP
from mcp.client.extension import ClientExtension
from mcp_types import TextResourceContents

from tests.clients.protocol import MODERN, Answer, Era, Message, Roots, answer_of
from tests.clients.stdio import Wire
from workflow_mcp import Settings

Transport = Literal["stdio", "memory"]


class Peer(Protocol):
    """A connected client."""

    @property
    def asked(self) -> int:
        """How often it was asked for its roots."""

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""

    async def read(self, uri: str) -> str:
        """The text of a resource."""

    async def tools(self) -> list[Message]:
        """The tools as they are listed."""


class StdioPeer:
    """A client of a real process, through our own wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @property
    def asked(self) -> int:
        """See `Peer`."""
        return self.wire.asked

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """See `Peer`."""
        return self.wire.call(tool, **arguments)

    async def read(self, uri: str) -> str:
        """See `Peer`."""
        text: str = self.wire.request("resources/read", {"uri": uri})["contents"][0]["text"]
        return text

    async def tools(self) -> list[Message]:
        """See `Peer`."""
        tools: list[Message] = self.wire.request("tools/list")["tools"]
        return tools


class MemoryPeer:
    """A client in the server's own process, through FastMCP's client."""

    def __init__(self, client: Client[Any], asked: list[None]) -> None:
        self._client = client
        self._asked = asked

    @property
    def asked(self) -> int:
        """See `Peer`."""
        return len(self._asked)

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """See `Peer`."""
        result = await self._client.call_tool_mcp(tool, arguments)
        return answer_of(result.model_dump(mode="json", by_alias=True))

    async def read(self, uri: str) -> str:
        """See `Peer`."""
        (content,) = await self._client.read_resource(uri)
        assert isinstance(content, TextResourceContents)
        return content.text

    async def tools(self) -> list[Message]:
        """See `Peer`."""
        return [
            tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in await self._client.list_tools()
        ]


@asynccontextmanager
async def in_memory(
    server: FastMCP, era: Era, roots: Roots | None = None, *, extensions: Sequence[ClientExtension] = ()
) -> AsyncIterator[MemoryPeer]:
    """A client of `server`, connected in memory, which declares these extensions."""
    asked: list[None] = []

    async def answer(_context: object) -> list[str]:
        asked.append(None)
        assert roots is not None
        uris = roots()
        if uris is None:
            raise LookupError("this client does not say")
        return list(uris)

    mode: Literal["auto", "legacy"] = "auto" if era == MODERN else "legacy"
    declared: dict[str, Any] = {} if roots is None else {"roots": answer}
    async with Client(server, mode=mode, extensions=extensions, **declared) as client:
        yield MemoryPeer(client, asked)


def isolated_settings(home: Path, **values: Any) -> Settings:
    """Settings that owe nothing to the environment the tests run in."""
    nothing: dict[str, Any] = {
        "claude_project_dir": None,
        "claude_session_id": None,
        "directory": None,
        "plugin_folders": (),
    }
    return Settings(**{**nothing, "home": str(home), "data_dir": home / "data", "roots_timeout": 60.0, **values})


class Connect(Protocol):
    """Connects a client."""

    def __call__(self, roots: Roots | None = None) -> AbstractAsyncContextManager[Peer]:
        """The client; it declares roots if it is given some."""
