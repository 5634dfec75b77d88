"""Browsers that look at a board in this event loop, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.support import PROJECT_ID, FakeClock, make_settings
from workflow_mcp.app import open_services
from workflow_mcp.board.access import Access, Viewer
from workflow_mcp.board.app import build_board
from workflow_mcp.board.site import Site
from workflow_mcp.settings import Settings
from workflow_mcp.work.values import Actor, Project
from workflow_mcp.workspace.projects import ProjectData
from workflow_mcp.workspace.work_items import WorkItems

ORIGIN = "http://127.0.0.1:8765"
PROJECT = Project(PROJECT_ID, "codebase-mcp")
ANN = Viewer("Ann", project=PROJECT_ID, project_name=PROJECT.name)


@dataclass
class Page:
    """The board's page in one browser, or a program without one."""

    client: httpx2.AsyncClient
    project: str = PROJECT_ID

    async def get(self, path: str, status: int = 200, **parameters: Any) -> Any:
        """What the interface answers with this status."""
        answer = await self.client.get(f"/board/api/{path}", params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def read(self, path: str, status: int = 200, **parameters: Any) -> Any:
        """The same within the project."""
        return await self.get(f"projects/{self.project}/{path}", status, **parameters)

    async def post(self, path: str, fields: Any, status: int = 200, **headers: str) -> Any:
        """What the interface answers to JSON from its own page."""
        answer = await self.client.post(f"/board/api/{path}", json=fields, headers={"Origin": ORIGIN, **headers})
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def write(self, path: str, fields: Any, status: int = 200) -> Any:
        """The same within the project."""
        return await self.post(f"projects/{self.project}/{path}", fields, status)

    async def refused(self, code: str, status: int, path: str, fields: Any) -> Any:
        """The error with this code that a change in the project is answered with."""
        error = (await self.write(path, fields, status))["error"]
        assert error["code"] == code, error
        assert error["message"]
        assert error["next_step"]
        return error

    async def sign_in(self, site: Site, viewer: Viewer = ANN) -> None:
        """Trade a new key for a cookie."""
        await self.post("session", {"key": await site.access.make_key(viewer)})

    async def states(self, **parameters: Any) -> dict[str, list[int]]:
        """The ids in each column."""
        board = await self.read("board", **parameters)
        return {column["name"]: [card["id"] for card in column["items"]] for column in board["columns"]}


@dataclass
class Desk:
    """A board, and the work that it shows."""

    site: Site
    settings: Settings
    clock: FakeClock
    pages: list[Page] = field(default_factory=list)

    def browser(self) -> Page:
        """A browser that has not opened the board."""
        transport = httpx2.ASGITransport(app=build_board(self.site, self.settings), raise_app_exceptions=False)
        return Page(httpx2.AsyncClient(transport=transport, base_url=ORIGIN))

    async def page(self, viewer: Viewer = ANN) -> Page:
        """The page in a browser that has opened it."""
        page = self.browser()
        await page.sign_in(self.site, viewer)
        return page

    async def agent(self, name: str = "agent", directory: str = "/work/here") -> WorkItems:
        """An agent at work in the project."""
        return WorkItems(ProjectData(await self.site.store(), PROJECT), Actor(name, directory))


@asynccontextmanager
async def open_desk(base: Path, **settings: Any) -> AsyncIterator[Desk]:
    """A board of the project `codebase-mcp`, in which nobody has worked yet."""
    clock = FakeClock()
    chosen = make_settings(base, **settings)
    site = Site(Access(clock=clock))
    async with open_services(chosen) as services:
        site.open(services)
        yield Desk(site, chosen, clock)
