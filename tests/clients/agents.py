"""A client that says what it expects: an answer or a refusal."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.clients.peers import Peer, in_memory, isolated_settings
from tests.clients.protocol import MODERN, Answer, Era
from tests.support import config_text, write_config
from workflow_mcp import build_server

PROJECT = "codebase-mcp"
ROW = re.compile(
    r"#(?P<id>\d+) (?P<type>\w+) p(?P<priority>\d) (?P<state>\w+)(?P<marks>( \w+)*) "
    r'"(?P<title>([^"\\]|\\.)*)"(?P<holder> @[^,<]+)?(?P<why>, \d+[mhd] left| <#\d+(,#\d+)*…?)?'
)
SPAN = re.compile(r"\| #(\d+) to #(\d+) in the order given")
Calls = list[tuple[str, dict[str, Any]]]
CURSOR = re.compile(r"cursor=(\S+)")


def make_project(base: Path, name: str, *, folder: str | None = None, with_id: bool = True, **keys: Any) -> Path:
    """A folder with a config of its own."""
    path = base / (folder or name)
    path.mkdir(parents=True, exist_ok=True)
    write_config(path, config_text(name, project_id=str(uuid4()) if with_id else None, **keys))
    return path


def assert_one_line(text: str) -> None:
    """An error is one line: its code, what is wrong, and what fixes it."""
    assert len(text.splitlines()) == 1, text
    assert re.fullmatch(r"[A-Z][A-Z_]+: \S.*\S Next: \S.*", text), text


@dataclass
class Agent:
    """A client in the hands of somebody who knows what should come of each call."""

    peer: Peer
    session: str | None = None

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool, with the agent's handle if it has one."""
        handle = {} if self.session is None else {"session": self.session}
        return await self.peer.call(tool, **handle, **arguments)

    async def told(self, tool: str, **arguments: Any) -> str:
        """The text of a call that succeeds."""
        answer = await self.call(tool, **arguments)
        assert not answer.is_error, answer.text
        return answer.text

    async def data(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a call that succeeds."""
        answer = await self.call(tool, **arguments)
        assert not answer.is_error, answer.text
        return answer.data

    async def refused(self, code: str, tool: str, **arguments: Any) -> str:
        """The one line of a call that is refused with this code."""
        answer = await self.call(tool, **arguments)
        assert answer.is_error, answer.text
        assert answer.code == code, answer.text
        assert_one_line(answer.text)
        return answer.text

    async def go(self, folder: Path | str) -> None:
        """Work in a folder from now on."""
        await self.data("set_working_directory", directory=str(folder))

    async def create(self, *titles: str, **fields: Any) -> list[int]:
        """The ids of new items that differ in nothing but their titles."""
        return ids_in(await self.told("create_work_items", items=[{"title": title, **fields} for title in titles]))

    async def finish(self, *ids: int, actor: str | None = None) -> str:
        """Complete items."""
        who = {} if actor is None else {"actor": actor}
        updates = [{"id": one, "status": "completed"} for one in ids]
        return await self.told("update_work_items", updates=updates, **who)

    async def titles(self, **query: Any) -> list[str]:
        """The titles of listed items."""
        return [re.sub(r"\\(.)", r"\1", row["title"]) for row in rows_in(await self.told("list_work_items", **query))]

    async def item(self, item_id: int) -> dict[str, Any]:
        """An item's own fields."""
        item: dict[str, Any] = (await self.data("get_work_item", id=item_id))["item"]
        return item


def rows_in(text: str) -> list[dict[str, str]]:
    """The parts of the rows among the lines of an answer."""
    return [found.groupdict() for line in text.splitlines() if (found := ROW.fullmatch(line))]


def ids_in(text: str) -> list[int]:
    """The ids of an answer's rows, or of what it says was created without a row for each."""
    if (span := SPAN.search(text.splitlines()[0])) is not None:
        return list(range(int(span[1]), int(span[2]) + 1))
    return [int(row["id"]) for row in rows_in(text)]


def cursor_in(text: str) -> str | None:
    """The cursor in an answer's first line."""
    found = CURSOR.search(text.splitlines()[0])
    return None if found is None else found[1]


async def pages(agent: Agent, page: Callable[[str], None], **query: Any) -> list[int]:
    """The ids on all pages of a list; `page` looks at each."""
    ids: list[int] = []
    cursor: str | None = None
    while True:
        text = await agent.told("list_work_items", **query, **({} if cursor is None else {"cursor": cursor}))
        page(text)
        ids += ids_in(text)
        if (cursor := cursor_in(text)) is None:
            return ids


@asynccontextmanager
async def agent_on(base: Path, folder: Path, *, era: Era = MODERN) -> AsyncIterator[Agent]:
    """A client of a server of its own in memory, whose data is under `base`, at work in a folder."""
    async with in_memory(build_server(isolated_settings(base)), era) as peer:
        agent = Agent(peer)
        await agent.go(folder)
        yield agent
