"""An agent of Claude Code as the server sees it: a hook binds each call just before it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.clients.http import HttpClient
from tests.clients.protocol import Answer, answer_of

TOOL_USE = "claudecode/toolUseId"


def new_call() -> str:
    """An id as Claude Code gives one to each call."""
    return f"toolu_{uuid4().hex}"


@dataclass
class Hooked:
    """One agent in a conversation, at work in a directory."""

    client: HttpClient
    cwd: Path | str
    session: str = "11111111-2222-4333-8444-555555555555"
    agent: str = ""
    agent_type: str = ""

    async def bind(self, call: str, /, **changed: Any) -> Answer:
        """What the hook is answered; an argument that is None is left out."""
        own = {"session": self.session, "agent": self.agent, "agent_type": self.agent_type, "cwd": str(self.cwd)}
        given = own | {"call": call} | changed
        return await self.client.call("bind_call", **{name: one for name, one in given.items() if one is not None})

    async def unbound(self, call: str, tool: str = "get_working_directory", /, **arguments: Any) -> Answer:
        """A call that comes with an id, whether or not it was bound."""
        params = {"name": tool, "arguments": arguments, "_meta": {TOOL_USE: call}}
        return answer_of(await self.client.request("tools/call", params))

    async def call(self, tool: str = "get_working_directory", /, **arguments: Any) -> Answer:
        """A call that the hook has bound."""
        call = new_call()
        bound = await self.bind(call)
        assert not bound.is_error, bound.text
        return await self.unbound(call, tool, **arguments)

    async def place(self, ask: Callable[..., Any] | None = None, *arguments: Any) -> tuple[str | None, str | None]:
        """Where it is told to be, and how that is known."""
        data = (await (ask or self.call)(*arguments)).data
        return data["directory"], data["directory_source"]
