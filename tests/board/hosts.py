"""A host of MCP Apps: a page that shows the board in a frame, and calls the server's tools for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from tests.board.browsers import SIZE, WATCH, Board
from tests.clients.served import served_app

PAGE = Path(__file__).with_name("host.html")
# What the specification lets a frame do that names no domains; a frame without a URL has its parent's policy.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; object-src 'none'"
SANDBOX = "allow-scripts allow-forms"
CallTool = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


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


@asynccontextmanager
async def open_host(
    browser: Browser,
    html: str,
    call_tool: CallTool,
    result: dict[str, Any] | None,
    *,
    context: dict[str, Any] | None = None,
    sandbox: str = SANDBOX,
    **options: Any,
) -> AsyncIterator[Host]:
    """A host that shows an app; nothing may have gone wrong in it when it is closed.

    Args:
        browser: in which it is opened.
        html: the app.
        call_tool: passes a call of the app on to its server.
        result: of the tool that the app belongs to; None if it gives none.
        context: what the host says of itself.
        sandbox: what the frame may do.
        options: of the browser's window.
    """
    window = await browser.new_context(**{"viewport": SIZE, "reduced_motion": "reduce", **options})
    try:
        async with served_app(Starlette(routes=[Route("/", _page)]), "/") as url:
            await window.add_init_script(WATCH)
            page = await window.new_page()
            host = Host(page.main_frame)
            await page.expose_function("callTool", call_tool)
            await page.goto(url)
            given = {"html": html, "result": result, "sandbox": sandbox, "context": context or {"theme": "light"}}
            await page.evaluate("given => show(given)", given)
            host.frame = page.frames[-1]
            yield host
            assert host.problems == []
            assert await host.violations() == []
    finally:
        await window.close()
