"""Clients that repeat a call until it is answered, as agents do, and know what was acknowledged to them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.clients.http import HttpClient
from tests.clients.protocol import Answer, Era, answer_of, result_of
from tests.support import BOUND

T = TypeVar("T")
PAUSE = 0.05  # seconds before a call is repeated
TRANSIENT = ("STORE_UNREACHABLE", "STORE_BUSY", "STORE_CLOSED")


@dataclass
class Persistent:
    """A client at work in one project.

    Attributes:
        acknowledged: the titles of the items that were created, as far as the client was told so.
        repeated: how many calls had to be repeated, by reason.
    """

    url: str
    era: Era
    folder: Path
    name: str
    acknowledged: list[str] = field(default_factory=list)
    repeated: Counter[str] = field(default_factory=Counter)
    handle: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = HttpClient(self.url, self.era)

    async def work(self, is_enough: Callable[[], bool]) -> None:
        """Create items one by one until it is enough; each at most once, however often the call is repeated."""
        async with self.client.connection:
            await self._until_done(self.client.open)
            directory = await self._call("set_working_directory", directory=str(self.folder))
            self.handle = {"session": directory.data["session"]} if directory.data["session"] else {}
            while not is_enough():
                title = f"{self.name}/{len(self.acknowledged)}"
                answer = await self._call("create_work_items", items=[{"title": title}], request_id=title)
                assert not answer.is_error, answer.text
                assert f'"{title}"' in answer.text, answer.text
                self.acknowledged.append(title)

    async def _call(self, tool: str, **arguments: object) -> Answer:
        async def calling() -> Answer:
            params = {"name": tool, "arguments": {**arguments, **self.handle}}
            message = await self.client.exchange("tools/call", params)
            if "error" in message:  # of a handshake-era id that cannot be looked up
                return Answer(message["error"]["message"], {}, is_error=True)
            return answer_of(result_of(message))

        async with asyncio.timeout(BOUND):
            while (answer := await self._until_done(calling)).code in TRANSIENT:
                self.repeated[answer.code] += 1
                await asyncio.sleep(PAUSE)
        return answer

    async def _until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(BOUND):
            while True:
                try:
                    return await attempt()
                except (OSError, EOFError, json.JSONDecodeError) as error:
                    self.repeated[type(error).__name__] += 1
                    await self.client.connection.close()
                    await asyncio.sleep(PAUSE)
