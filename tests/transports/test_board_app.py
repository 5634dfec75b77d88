"""Who gets to see the board within conversations: clients that declare that they show MCP Apps, and nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from mcp.shared.exceptions import MCPError

from tests.clients.agents import Agent
from tests.clients.hosts import ShowsApps, app_server
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import MODERN, Era
from workflow_mcp import build_server
from workflow_mcp.server.catalog import BOARD_PAGE, BOARD_TOOLS
from workflow_mcp.transports.board_tools import BoardTools


async def listed(client: Client[Any]) -> list[Any]:
    """All that a client is told there is."""
    lists = (client.list_tools, client.list_resources, client.list_resource_templates, client.list_prompts)
    return [[one.model_dump(mode="json", by_alias=True) for one in await ask()] for ask in lists]


async def lists_of(server: Any, era: Era, *extensions: ShowsApps) -> list[Any]:
    """The same of a server."""
    async with Client(server, mode="auto" if era == MODERN else "legacy", extensions=extensions) as client:
        return await listed(client)


async def test_only_who_shows_apps_is_told_of_the_board(era: Era, tmp_path: Path) -> None:
    """Others get the lists of a server without it; a host has two tools and a resource more, at the end."""
    server, without = app_server(tmp_path), build_server(isolated_settings(tmp_path))
    plain, host = await lists_of(server, era), await lists_of(server, era, ShowsApps())
    assert plain == await lists_of(without, era)
    assert [len(after) - len(before) for before, after in zip(plain, host, strict=True)] == [2, 1, 0, 0]
    assert all(after[: len(before)] == before for before, after in zip(plain, host, strict=True))


async def test_it_is_described_as_the_specification_says(era: Era, tmp_path: Path) -> None:
    """SEP-1865: a tool for model and page, one for the page alone, and a page that loads nothing from elsewhere."""
    (*_, show, request), (*_, page), *_ = await lists_of(app_server(tmp_path), era, ShowsApps())
    assert (show["name"], request["name"]) == BOARD_TOOLS
    assert show["_meta"]["ui"] == {"resourceUri": BOARD_PAGE, "visibility": ["model", "app"]}
    assert request["_meta"]["ui"] == {"resourceUri": BOARD_PAGE, "visibility": ["app"]}
    assert show["annotations"]["readOnlyHint"] is True
    assert request["annotations"]["readOnlyHint"] is False
    assert set(show["inputSchema"]["properties"]) == {"session"}
    assert set(request["inputSchema"]["properties"]) == {"path", "body", "session"}
    assert (page["uri"], page["mimeType"]) == (BOARD_PAGE, "text/html;profile=mcp-app")
    domains = ("connectDomains", "resourceDomains", "frameDomains", "baseUriDomains")
    assert page["_meta"]["ui"] == {"csp": {name: [] for name in domains}, "prefersBorder": True}


async def test_the_page_is_read_whole(era: Era, tmp_path: Path) -> None:
    """One HTML text, with what the host needs to know of it."""
    async with Client(
        app_server(tmp_path), mode="auto" if era == MODERN else "legacy", extensions=[ShowsApps()]
    ) as client:
        (content,) = (await client.read_resource_mcp(BOARD_PAGE)).contents
        (*_, page) = await client.list_resources()
    found = content.model_dump(by_alias=True)
    assert found["text"].lower().startswith("<!doctype html>")
    assert (found["mimeType"], found["_meta"]["ui"]) == (page.mime_type, (page.meta or {})["ui"])


async def test_who_was_not_told_of_it_does_not_reach_it(era: Era, tmp_path: Path) -> None:
    """By its names there is nothing either: the same errors as for any name that there is not."""
    async with in_memory(app_server(tmp_path), era) as peer:
        agent = Agent(peer)
        for name in BOARD_TOOLS:
            told = await agent.refused("TOOL_UNKNOWN", name)
            assert told == (await agent.refused("TOOL_UNKNOWN", "no_tool")).replace("no_tool", name)
        with pytest.raises(MCPError) as refused:
            await peer.read(BOARD_PAGE)
        with pytest.raises(MCPError) as unknown:
            await peer.read("ui://workflow-mcp/no_page")
    assert str(refused.value) == str(unknown.value).replace("no_page", "board.html")


async def test_nothing_is_made_before_a_host_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that nobody asks for the board does not make its tools, also when its tools are called."""
    made: list[str] = []
    for name in ("tools", "page"):
        monkeypatch.setattr(BoardTools, name, lambda _self, name=name: made.append(name))
    async with in_memory(app_server(tmp_path), MODERN) as peer:
        await peer.tools()
        await peer.call("get_working_directory")
    assert made == []


async def test_a_server_that_is_run_again_has_the_board_of_its_new_services(tmp_path: Path) -> None:
    """Nothing of the first run is used in the second."""
    server = app_server(tmp_path)
    (tmp_path / "shop").mkdir()
    for item in (1, 2):
        async with in_memory(server, MODERN, extensions=[ShowsApps()]) as peer:
            agent = Agent(peer)
            await agent.go(tmp_path / "shop")
            await agent.data("init_project")
            project = (await agent.data("show_board"))["project"]
            made = await agent.data("board_request", path=f"projects/{project}/items", body={"title": "x"})
            assert made["answer"]["item"]["id"] == item
