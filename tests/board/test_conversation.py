"""The board within a conversation, in a real browser, as a host of MCP Apps shows it."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from playwright.async_api import Browser, expect

from tests.board.browsers import needs_chromium
from tests.board.hosts import Conversation, Host
from tests.board.test_acting import drag
from tests.board.test_looking import SCRIPT, plan
from tests.clients.agents import Agent
from tests.clients.hosts import ShowsApps, app_server
from tests.clients.peers import MemoryPeer, StdioPeer
from tests.clients.processes import SERVER
from tests.clients.served import Served
from tests.clients.stdio import Wire, environment

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="session")]

METHOD_NOT_FOUND = -32601
INLINE = {
    "theme": "light",
    "availableDisplayModes": ["inline", "fullscreen"],
    "containerDimensions": {"maxHeight": 500},
}
FORGED: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "method": "ui/notifications/host-context-changed", "params": {"theme": "dark"}},
    {"jsonrpc": "2.0", "method": "ui/resource-teardown", "id": 1},
]


@asynccontextmanager
async def over_stdio(home: Path, folder: Path) -> AsyncIterator[Client[Any]]:
    """A host's connection to a server process of its own, which works in a folder."""
    transport = StdioTransport(sys.executable, list(SERVER), env=environment(home), cwd=str(folder), keep_alive=False)
    async with Client(transport, extensions=[ShowsApps()]) as client:
        yield client


def in_memory(home: Path) -> Client[Any]:
    """A host's connection to a server in this process."""
    return Client(app_server(home), extensions=[ShowsApps()])


async def test_people_and_agents_share_a_board_in_a_conversation(browser: Browser, shop: Path, tmp_path: Path) -> None:
    """All that a person does there is done by the server, and what another client does is shown, also both at once.

    The frame may not even submit forms.
    """
    home = tmp_path / "home"
    home.mkdir()
    with Wire(shop, environment(home)) as wire:
        agent = Agent(StdioPeer(wire))
        epic, form, api, test, colour = await plan(agent)
        async with (
            over_stdio(home, shop) as client,
            Conversation(client, browser).open(sandbox="allow-scripts") as host,
        ):
            for item, column in ((epic, "backlog"), (form, "ready"), (api, "ready"), (test, "backlog")):
                await host.shows(item, column)
            await expect(host.frame.locator("h1")).to_have_text("shop")
            await expect(host.frame.locator("h1 select, [data-key=theme]")).to_have_count(0)
            await host.frame.locator("h1").click()  # keys go to the frame once it is clicked
            await host.press("n")
            await host.page.keyboard.type(SCRIPT)
            await host.press("Enter")
            await host.shows(6, "ready")
            await host.focused("card-6")
            assert (await agent.item(6))["title"] == SCRIPT
            await host.press("m", "Enter")
            await host.shows(6, "in_progress")
            await drag(host, colour, "done")
            await host.shows(colour, "done")
            await agent.told("claim_work_item", id=form, actor="one")
            await host.shows(form, "in_progress")
            await host.card(api).locator("a").click()
            await edit_meanwhile(host, agent, api)
            await host.key("note").fill("See [the plan](https://plan.example/a?b#c).")
            await host.frame.get_by_role("button", name="Add note").click()
            await host.frame.get_by_role("link", name="the plan").click()
            await expect(host.frame.locator(".notes")).to_contain_text("(board)")
            assert await host.told("ui/open-link") == [{"url": "https://plan.example/a?b#c"}]
            await look_around(host, epic, test)
            assert (await agent.item(6))["state"] == "in_progress"


async def edit_meanwhile(host: Host, agent: Agent, item: int) -> None:
    """Change a title that an agent has changed since the person saw it; both sides are shown, and theirs holds."""
    await host.key("edit").click()
    await agent.told("update_work_items", updates=[{"id": item, "title": "Theirs"}])
    await host.frame.locator("[name=title]").fill("Mine")
    await host.frame.get_by_role("button", name="Save").click()
    dialog = host.frame.locator("dialog.conflict")
    await expect(dialog.get_by_role("row", name="title")).to_contain_text(re.compile(r"Build the API.*Theirs.*Mine"))
    await dialog.get_by_role("button", name="Apply mine").click()
    await expect(host.frame.locator(".headline")).to_have_text("Mine")
    assert (await agent.item(item))["title"] == "Mine"


async def look_around(host: Host, epic: int, test: int) -> None:
    """Links and the search lead to the other views, though the frame has no address."""
    await host.key("panel-close").click()
    await expect(host.frame.locator(".panel")).to_have_count(0)
    await host.key("view-graph").click()
    await host.key(f"epic-{epic}").click()
    await expect(host.key(f"node-{test}")).to_be_visible()
    await host.key("view-activity").click()
    await expect(host.frame.locator(".activity")).to_contain_text("<script>")
    await host.key("view-board").click()
    await host.key(f"epic-{epic}").click()
    await host.key("search").fill("colour")
    await expect(host.frame.locator(".card")).to_have_count(1)
    await host.key("search").fill("")
    await host.shows(6, "in_progress")


async def test_the_host_decides_how_the_board_looks_and_when_it_ends(
    browser: Browser, shop: Path, tmp_path: Path
) -> None:
    """The window around it is heard and no other one is; out of sight, and after the end, the board asks nothing."""
    async with in_memory(tmp_path / "home") as client:
        agent = Agent(MemoryPeer(client, []))
        await agent.go(shop)
        [item] = await agent.create("Look at me")
        async with Conversation(client, browser).open(context=INLINE, stopped=True) as host:
            await host.shows(item, "ready")
            [begin] = await host.told("ui/initialize")
            assert (begin["protocolVersion"], begin["appInfo"]["name"]) == ("2026-01-26", "workflow-mcp")
            assert await host.told("ui/notifications/size-changed") == [{"height": 500}]
            await looks_like_its_host(host)
            assert (await host.ask("ping"))["result"] == {}
            assert (await host.ask("tools/list"))["error"]["code"] == METHOD_NOT_FOUND
            await asks_only_in_sight(host)
            [later] = await agent.create("Later")
            await host.wait(3)
            await host.shows(later, "ready")
            assert (await host.ask("ui/resource-teardown", reason="closed"))["result"] == {}
            asked = await host.looks()
            await host.wait(60)
            assert await host.looks() == asked


async def looks_like_its_host(host: Host) -> None:
    """It is light or dark, and small or large, when its host says so, or lets a person choose."""
    root = host.frame.locator("html")
    await host.forge(*FORGED)
    await expect(root).to_have_attribute("data-theme", "light")
    await host.tell("ui/notifications/host-context-changed", theme="dark")
    await expect(root).to_have_attribute("data-theme", "dark")
    await expect(host.frame.locator("body")).to_have_css("background-color", "rgb(15, 17, 21)")
    await host.key("screen").click()
    await expect(host.key("screen")).to_have_attribute("title", "Back to the conversation")
    assert await host.told("ui/request-display-mode") == [{"mode": "fullscreen"}]


async def asks_only_in_sight(host: Host) -> None:
    """A minute out of sight costs no call; back in sight it goes on."""
    await host.has_looked(1)
    await host.scroll(away=True)
    await host.wait(60)
    assert await host.looks() == 1
    await host.scroll(away=False)
    await host.wait(3)
    await host.has_looked(2)


async def test_what_is_refused_is_said_and_a_handle_is_passed_on(
    board_server: Served, browser: Browser, shop: Path
) -> None:
    """Over HTTP: what a person cancels, or what has no session, is said in its own words, and can be tried again."""
    async with Client(board_server.url, extensions=[ShowsApps()]) as client:
        conversation, agent = Conversation(client, browser), Agent(MemoryPeer(client, []))
        async with conversation.open(cancelled=True) as host:
            await host.tell("ui/notifications/tool-cancelled", reason="The user said no")
            await expect(host.frame.locator("main")).to_contain_text("The user said no")
            await host.frame.get_by_role("button", name="Try again").click()
            await expect(host.frame.locator("main")).to_contain_text("Call set_working_directory")
        agent.session = (await agent.data("set_working_directory", directory=str(shop)))["session"]
        async with conversation.open(session=agent.session) as host:
            await expect(host.frame.locator("main")).to_contain_text("Nothing is planned yet")
            [item] = await agent.create("Look at me")
            await host.shows(item, "ready")
