"""`mcp-session-id` is a header like any other: forged, it reaches nobody's session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport

from tests.clients.http import HttpClient
from tests.clients.peers import isolated_settings
from tests.clients.protocol import Era
from tests.clients.served import served_app, served_here
from tests.transports.http.test_handles import logged_in, tokens_file
from workflow_mcp import CurrentWorkspace, Workspace, build_server

__all__ = ["tokens_file"]

FORGED = "0123456789abcdef0123456789abcdef"


async def directory_of(client: Client[Any]) -> object:
    """The directory that a FastMCP client's call is for."""
    result = await client.call_tool_mcp("get_working_directory", {})
    assert result.structured_content is not None
    return result.structured_content["directory"]


async def test_an_unknown_id_is_refused_to_a_legacy_client(url: str) -> None:
    """A legacy request with an id that the server did not give gets 404, whatever it asks for."""
    for forged in (FORGED, "process", "", "../x", "A" * 4000):
        client = HttpClient(url, "legacy", session_id=forged)
        async with client.connection:
            refused = await client.exchange("tools/call", {"name": "get_working_directory", "arguments": {}})
        assert (refused["status"], refused["error"]["message"]) == (404, "Session not found")


async def test_a_legacy_clients_id_in_a_modern_request(url: str, tmp_path: Path) -> None:
    """A legacy client's own id gives a 2026-07-28 request nothing of that client's session."""
    async with HttpClient(url, "legacy") as victim:
        await victim.call("set_working_directory", directory=str(tmp_path))
        assert victim.session_id is not None
        async with HttpClient(url, headers=(("Mcp-Session-Id", victim.session_id),)) as attacker:
            assert (await attacker.call("get_working_directory")).data["directory"] is None
            assert (await attacker.call("init_project")).code == "NO_SESSION"
            assert (await attacker.call("end_session")).data["ended"] is False
            assert (await attacker.call("get_working_directory", session=victim.session_id)).code == "SESSION_UNKNOWN"
        assert (await victim.call("get_working_directory")).data["directory"] == str(tmp_path)


async def test_one_forged_id_in_two_modern_clients(url: str, tmp_path: Path) -> None:
    """Two 2026-07-28 clients with one made-up id have nothing in common: what is set gets a handle, as always."""
    headers = (("Mcp-Session-Id", FORGED),)
    async with HttpClient(url, headers=headers) as one, HttpClient(url, headers=headers) as two:
        handle = (await one.call("set_working_directory", directory=str(tmp_path))).data["session"]
        assert handle not in (None, FORGED)
        for client in (one, two):
            assert (await client.call("get_working_directory")).data["directory"] is None
            assert (await client.call("get_working_directory", session=FORGED)).code == "SESSION_UNKNOWN"


async def test_another_principals_connection(tmp_path: Path, tokens_file: Path) -> None:
    """With tokens, a legacy connection is its principal's: its id in other hands does not exist."""
    async with (
        served_here(tmp_path, tokens_file=tokens_file) as server,
        logged_in(server.url, "ann", "legacy") as ann,
    ):
        await ann.call("set_working_directory", directory=str(tmp_path))
        bob = logged_in(server.url, "bob", "legacy")
        call = {"name": "get_working_directory", "arguments": {}}
        async with bob.connection:
            bob.session_id = ann.session_id
            stolen = await bob.exchange("tools/call", call)
            bob.session_id = FORGED
            made_up = await bob.exchange("tools/call", call)
            bob.session_id = ann.session_id
            deleted = await bob.end()
        assert (stolen["status"], deleted.status) == (404, 404)
        assert stolen == made_up
        assert (await ann.call("get_working_directory")).data["directory"] == str(tmp_path)


@asynccontextmanager
async def stateless(home: Path) -> AsyncIterator[str]:
    """A server that keeps no sessions over HTTP, as an operator may run it behind a load balancer."""
    server = build_server(isolated_settings(home))
    async with served_app(server.http_app(path="/mcp", stateless_http=True)) as url:
        yield url


async def test_a_forged_id_on_stateless_http(era: Era, tmp_path: Path) -> None:
    """On stateless HTTP one made-up id in two clients of either era joins nothing: state needs a handle."""
    async with stateless(tmp_path) as url:
        mode: Literal["legacy", "auto"] = "legacy" if era == "legacy" else "auto"
        transports = [StreamableHttpTransport(url, headers={"mcp-session-id": FORGED}) for _ in range(2)]
        async with Client(transports[0], mode=mode) as one, Client(transports[1], mode=mode) as two:
            done = await one.call_tool_mcp("set_working_directory", {"directory": str(tmp_path)})
            assert done.structured_content is not None
            handle = done.structured_content["session"]
            assert handle not in (None, FORGED)
            assert [await directory_of(one), await directory_of(two)] == [None, None]
            again = await two.call_tool_mcp("get_working_directory", {"session": handle})
            assert again.structured_content is not None
            assert again.structured_content["directory"] == str(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_forged_id_over_sse(tmp_path: Path) -> None:
    """An SSE client that sends another's id, or the same made-up one, still has a session of its own."""
    server = build_server(isolated_settings(tmp_path))
    seen: list[str] = []

    @server.tool
    async def key(workspace: Workspace = CurrentWorkspace(required=False)) -> str:
        seen.append(str(workspace.session_key))
        return seen[-1]

    async with served_app(server.http_app(path="/sse", transport="sse"), "/sse") as url:

        def client(session_id: str) -> Client[Any]:
            return Client(SSETransport(url, headers={"mcp-session-id": session_id}), mode="legacy")

        async with client(FORGED) as victim:
            await victim.call_tool_mcp("set_working_directory", {"directory": str(tmp_path)})
            await victim.call_tool_mcp("key", {})
            for stolen in (FORGED, seen[0]):
                async with client(stolen) as attacker:
                    assert await directory_of(attacker) is None
                    await attacker.call_tool_mcp("key", {})
            assert await directory_of(victim) == str(tmp_path)
        assert len(set(seen)) == 3
        assert FORGED not in seen
