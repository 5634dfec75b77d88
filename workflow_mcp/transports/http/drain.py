"""Draining an HTTP server: calls in progress finish, new ones are refused, and idle streams end."""

from __future__ import annotations

from collections import Counter

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mcp.server.waiting import Stopping

SESSION_HEADER = "mcp-session-id"


class Drain:
    """ASGI middleware that lets calls in progress finish, refuses new ones, and then ends idle streams.

    A legacy call in progress may wait for its client to post something, such as its roots. So requests of a session
    with a call in progress are accepted.

    Args:
        stopping: is told when draining begins.
    """

    def __init__(self, stopping: Stopping) -> None:
        self._stopping = stopping
        self._calls: Counter[str | None] = Counter()
        self._idle = anyio.Event()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether draining has begun."""
        return self._draining

    @property
    def drained(self) -> bool:
        """Whether draining has begun and no call is in progress."""
        return self._idle.is_set()

    def begin(self) -> None:
        """Begin to drain: new calls are refused, and calls that wait for something end."""
        self._draining = True
        self._stopping.begin()
        self._wake()

    def _wake(self) -> None:
        if self._draining and not self._calls.total():
            self._idle.set()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app with this middleware."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] == "GET":
                await self._stream(app, scope, receive, send)
            else:
                await self._call(app, scope, receive, send)

        return guarded

    async def _call(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        session = Headers(scope=scope).get(SESSION_HEADER)
        if self._draining and (session is None or not self._calls[session]):
            refusal = JSONResponse({"error": "the server is shutting down"}, 503, {"connection": "close"})
            await refusal(scope, receive, send)
            return
        self._calls[session] += 1
        try:
            await app(scope, receive, send)
        finally:
            self._calls[session] -= 1
            if not self._calls[session]:
                del self._calls[session]
            self._wake()

    async def _stream(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        open_response = False

        async def tracked(message: Message) -> None:
            nonlocal open_response
            open_response = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await app(scope, self._until_idle(receive), tracked)
        if open_response:
            await send({"type": "http.response.body", "body": b""})

    def _until_idle(self, receive: Receive) -> Receive:
        async def receiving() -> Message:
            message: Message = {"type": "http.disconnect"}
            async with anyio.create_task_group() as tasks:

                async def listen() -> None:
                    nonlocal message
                    message = await receive()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(listen)
                await self._idle.wait()
                tasks.cancel_scope.cancel()
            return message

        return receiving
