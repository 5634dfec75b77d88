"""What a server that was told to end lets through."""

from __future__ import annotations

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from workflow_mcp.server.waiting import Stopping
from workflow_mcp.transports.http.drain import Drain


async def status(drain: Drain, session: bytes | None) -> int:
    """The status that a call of this session gets, if the app would answer it at once."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await drain.wrap(PlainTextResponse("done"))(call_of(session), receive, send)
    found: int = sent[0]["status"]
    return found


def call_of(session: bytes | None) -> Scope:
    """A call of a legacy session, or of a client without one."""
    headers = [] if session is None else [(b"mcp-session-id", session)]
    return {"type": "http", "method": "POST", "headers": headers}


async def test_only_sessions_with_a_call_in_flight_are_let_through() -> None:
    """A call in flight gets what its client posts for it; everybody else is refused, and it too once that is over."""
    drain, begun, go_on = Drain(Stopping()), anyio.Event(), anyio.Event()

    async def held(_scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.set()
        await go_on.wait()

    async def call() -> None:
        await drain.wrap(held)(call_of(b"one"), _nothing, _nowhere)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await begun.wait()
        assert [await status(drain, session) for session in (b"one", b"two", None)] == [200, 200, 200]
        drain.begin()
        assert [await status(drain, session) for session in (b"one", b"two", None)] == [200, 503, 503]
        assert not drain.drained
        go_on.set()
    assert drain.drained
    assert await status(drain, b"one") == 503


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _nowhere(_message: Message) -> None:
    return
