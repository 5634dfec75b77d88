"""A host of MCP Apps: a page that shows the board in a frame, and calls the server's tools for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastmcp import Client
from mcp_types import TextResourceContents
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from tests.board.browsers import SIZE, WATCH, Board
from tests.clients.served import served_app

PAGE = Path(__file__).with_name("host.html")
# What hosts let an app do that names no domains. A frame without a URL of its own has the policy of its parent.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; object-src 'none'"
SANDBOX = "allow-scripts allow-forms"
INITIALIZED = "() => told.some(({ method }) => method === 'ui/notifications/initialized')"
HEARING = "addEventListener('message', ({ source }) => { if (source !== parent) foreign += 1; })"
OUT_OF_SIGHT = """() => new Promise((resolve) => new IntersectionObserver(
  (entries) => { if (entries.at(-1).isIntersecting === %s) resolve(); }).observe(document.body))"""


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE, headers={"Content-Security-Policy": POLICY})


class Host(Board):
    """A board in a host's frame."""

    async def tell(self, method: str, **params: Any) -> None:
        """Send the app a notification."""
        await self.page.evaluate("([method, params]) => tell(method, params)", [method, params])

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """What the app answers to a request."""
        answer: dict[str, Any] = await self.page.evaluate("([method, params]) => ask(method, params)", [method, params])
        return answer

    async def told(self, method: str) -> list[dict[str, Any]]:
        """The parameters of all that the app has sent with this method."""
        sent: list[dict[str, Any]] = await self.page.evaluate("() => told")
        return [one["params"] for one in sent if one["method"] == method]

    async def forge(self, *messages: dict[str, Any]) -> None:
        """Let another frame send the app what only its host may; until all of it has arrived."""
        await self.frame.evaluate(f"() => {{ window.foreign = 0; {HEARING} }}")
        await self.page.evaluate("messages => forge(messages)", messages)
        await self.frame.wait_for_function("count => foreign === count", arg=len(messages))

    async def wait(self, seconds: int) -> None:
        """Let time pass in the page, whose clock stands still."""
        await self.page.clock.run_for(1000 * seconds)

    async def looks(self) -> int:
        """How often the app has asked what has changed."""
        return sum("/changes" in one["arguments"]["path"] for one in await self.told("tools/call"))

    async def has_looked(self, times: int) -> None:
        """Wait until it has asked so often, and has had its answers."""
        await self.page.wait_for_function("times => answers('/changes') === times", arg=times)
        await self.ask("ping")

    async def scroll(self, *, away: bool) -> None:
        """Scroll the conversation until the app is out of sight, or in it again; until the app knows."""
        await self.page.evaluate("away => scrollTo(0, away ? document.body.scrollHeight : 0)", away)
        await self.frame.evaluate(OUT_OF_SIGHT % ("false" if away else "true"))


@dataclass
class Conversation:
    """A host's connection to a server, and the browser that it is shown in."""

    client: Client[Any]
    browser: Browser

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of a tool, as the app gets it."""
        return (await self.client.call_tool_mcp(tool, arguments)).model_dump(mode="json", by_alias=True)

    async def html(self) -> str:
        """The app, which the tool that shows it names."""
        (tool,) = [one for one in await self.client.list_tools() if one.name == "show_board"]
        assert tool.meta is not None
        (content,) = await self.client.read_resource(tool.meta["ui"]["resourceUri"])
        assert isinstance(content, TextResourceContents)
        return content.text

    @asynccontextmanager
    async def open(
        self,
        *,
        cancelled: bool = False,
        context: dict[str, Any] | None = None,
        sandbox: str = SANDBOX,
        stopped: bool = False,
        session: str | None = None,
        **options: Any,
    ) -> AsyncIterator[Host]:
        """The board as it is shown when the model calls its tool; nothing may have gone wrong in it when it is closed.

        Args:
            cancelled: the tool's result never comes.
            context: what the host says of itself.
            sandbox: what the frame may do.
            stopped: the page's clock stands still.
            session: the handle that the tool is called with.
            options: of the browser's window.
        """
        html = await self.html()
        result = None if cancelled else await self.call("show_board", {"session": session})
        given = {"html": html, "result": result, "sandbox": sandbox, "context": context or {"theme": "light"}}
        window = await self.browser.new_context(**{"viewport": SIZE, "reduced_motion": "reduce", **options})
        try:
            async with served_app(Starlette(routes=[Route("/", _page)]), "/") as url:
                await window.add_init_script(WATCH)
                host = Host((await window.new_page()).main_frame)
                if stopped:
                    await host.page.clock.install()
                    await host.page.clock.pause_at("2030-01-01")
                await host.page.expose_function("callTool", self.call)
                await host.page.goto(url)
                await host.page.evaluate("given => show(given)", given)
                host.frame = host.page.frames[1]
                await host.page.wait_for_function(INITIALIZED)
                yield host
                assert host.problems == []
                assert await host.violations() == []
        finally:
            await window.close()
