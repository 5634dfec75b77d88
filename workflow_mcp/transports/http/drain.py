"""The end of an HTTP server as its clients see it: calls in flight finish, new ones are refused, idle streams end."""

from __future__ import annotations

import json

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_ANSWER_BYTES = 65_536


class Drain:
    """ASGI middleware that lets calls in flight finish, refuses new ones, and then ends idle streams."""

    def __init__(self) -> None:
        self._calls = 0
        self._idle = anyio.Event()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the server has been told to end."""
        return self._draining

    @property
    def drained(self) -> bool:
        """Whether it has been, and no call is in flight any more."""
        return self._idle.is_set()

    def begin(self) -> None:
        """Refuse what comes from now on."""
        self._draining = True
        self._wake()

    def _wake(self) -> None:
        if self._draining and self._calls == 0:
            self._idle.set()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app behind this drain."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] == "GET":
                await self._stream(app, scope, receive, send)
            elif (admitted := await self._admit(receive)) is not None:
                await self._call(app, scope, admitted, send)
            else:
                refusal = JSONResponse({"error": "the server is shutting down"}, 503, {"connection": "close"})
                await refusal(scope, receive, send)

        return guarded

    async def _admit(self, receive: Receive) -> Receive | None:
        if not self._draining:
            return receive
        # A legacy call in flight may wait for what its client posts, such as its roots.
        messages = [] if self.drained else await _read(receive)
        return _again(messages, receive) if _is_answer(messages) else None

    async def _stream(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        open_response = False

        async def tracked(message: Message) -> None:
            nonlocal open_response
            open_response = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await app(scope, self._until_idle(receive), tracked)
        if open_response:
            await send({"type": "http.response.body", "body": b""})

    async def _call(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._calls += 1
        try:
            await app(scope, receive, send)
        finally:
            self._calls -= 1
            self._wake()

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


async def _read(receive: Receive) -> list[Message]:
    messages, size = [await receive()], 0
    while messages[-1].get("more_body") and size <= MAX_ANSWER_BYTES:
        size += len(messages[-1]["body"])
        messages.append(await receive())
    return messages


def _is_answer(messages: list[Message]) -> bool:
    try:
        body = json.loads(b"".join(message.get("body", b"") for message in messages))
    except ValueError:
        return False
    return isinstance(body, dict) and "id" in body and "method" not in body


def _again(messages: list[Message], receive: Receive) -> Receive:
    async def receiving() -> Message:
        return messages.pop(0) if messages else await receive()

    return receiving
