"""A board and its page, in this event loop; and a server with a browser, which all tests in one process share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.board.browsers import Boards, chromium
from tests.board.pages import Desk, Page, open_desk
from tests.clients.agents import make_project
from tests.clients.served import Served, serving


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A board of a project in which nobody has worked yet."""
    async with open_desk(tmp_path) as opened:
        yield opened


@pytest.fixture
async def page(desk: Desk) -> Page:
    """Its page, opened by Ann."""
    return await desk.page()


@pytest.fixture(scope="session")
def board_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests of the board share; each has a project of its own."""
    with serving(tmp_path_factory.mktemp("board")) as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser that they share."""
    async with chromium() as found:
        yield found


@pytest.fixture
def boards(board_server: Served, browser: Browser) -> Boards:
    """Both together."""
    return Boards(board_server.url, browser)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project's folder."""
    return make_project(tmp_path, "shop")
