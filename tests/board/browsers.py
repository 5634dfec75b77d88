"""A board in a real browser, as a person has it before them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Frame, Locator, Page, ViewportSize, async_playwright, expect

from tests.clients.agents import Agent
from tests.clients.http import Connection, HttpClient
from tests.clients.peers import Peer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; .ci/run installs it")
PATIENCE_MS = 30_000
SIZE: ViewportSize = {"width": 1280, "height": 800}
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => violations.push(violatedDirective));
"""
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Board:
    """A page, or a frame in one, with a board.

    Attributes:
        problems: what went wrong in the page without anybody seeing it: errors, and violations of its policy.
    """

    frame: Frame
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._said)

    @property
    def page(self) -> Page:
        """The page that the browser shows."""
        return self.frame.page

    def _said(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def key(self, key: str) -> Locator:
        """What the page calls by this key."""
        return self.frame.locator(f'[data-key="{key}"]')

    def card(self, item: int, column: str | None = None) -> Locator:
        """The card of an item, in a column if it is given."""
        within = "" if column is None else f'[data-column="{column}"] '
        return self.frame.locator(f'{within}.card[data-id="{item}"]')

    async def shows(self, item: int, column: str) -> None:
        """Wait until the card of an item is in a column."""
        await expect(self.card(item, column)).to_be_visible()

    async def focused(self, key: str) -> None:
        """Wait until what the page calls by this key has the focus."""
        await expect(self.key(key)).to_be_focused()

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def go(self, **route: Any) -> None:
        """Go to another place of the board."""
        await self.page.evaluate("changes => { location.hash = new URLSearchParams(changes) }", route)

    async def violations(self) -> list[str]:
        """Which directives of its policy the page has violated."""
        found: list[str] = await self.frame.evaluate("() => window.violations")
        return found


@dataclass
class Boards:
    """A server, a browser, and the boards that are open in it."""

    url: str
    browser: Browser

    async def key_for(self, folder: Path, name: str = "Ann") -> str:
        """A key for the board of a folder's project, as `workflow-mcp board` gets one."""
        project = json.loads((folder / ".workflow-mcp" / "config.json").read_text())["project"]["id"]
        body = json.dumps({"name": name, "project": project, "directory": str(folder)}).encode()
        async with Connection(self.url) as connection:
            answer = await connection.request(
                "POST", [("Content-Type", "application/json")], body, path="/board/api/key"
            )
        assert answer.status == 200, answer
        key: str = answer.json["key"]
        return key

    def page_url(self, key: str) -> str:
        """Where the board is opened with a key."""
        return f"http://{urlsplit(self.url).netloc}/board/#key={key}"

    @asynccontextmanager
    async def open(self, folder: Path, name: str = "Ann", **options: Any) -> AsyncIterator[Board]:
        """A person's board of a folder's project; nothing may have gone wrong in it when it is closed."""
        context = await self.browser.new_context(**{"viewport": SIZE, "reduced_motion": "reduce", **options})
        await context.add_init_script(WATCH)
        board = Board((await context.new_page()).main_frame)
        try:
            await board.page.goto(self.page_url(await self.key_for(folder, name)))
            await expect(board.page.locator("main:not(.wait)")).to_be_visible()
            yield board
            assert board.problems == []
            assert await board.violations() == []
        finally:
            await context.close()

    @asynccontextmanager
    async def agent(self, folder: Path) -> AsyncIterator[Agent]:
        """An agent that works in a folder through the same server."""
        async with HttpClient(self.url, headers=(("X-Workflow-Directory", str(folder)),)) as client:
            yield Agent(cast("Peer", client))  # of which it needs no more than calls


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without windows."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()
