"""Request bodies: read completely before the request is handled, with bounds on size, time and memory."""

from __future__ import annotations

import math
from functools import partial

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.server.limits import MAX_VALUES, count_values
from workflow_mcp.transports.http.connections import is_closed
from workflow_mcp.transports.http.turns import Turns
from workflow_mcp.transports.surrogates import whole_characters

MAX_BODY_BYTES = 4 * 2**20
MAX_SMALL_BODY_BYTES = 64 * 2**10
MAX_HELD_BYTES = 64 * 2**20
MAX_LENGTH_DIGITS = 19
BODY_TIMEOUT = 30
INVALID_REQUEST = -32600
SPLIT = "send less in one call: split it into several."


class Body:
    """The part of a request's body that has arrived."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.complete = False
        self.disconnected = False
        self.refused = False
        self.reading = anyio.CancelScope()


class Bodies:
    """ASGI middleware that passes a request on once its body has arrived, or answers 413, 408 or 503.

    Bodies over 64 KiB count against `max_held` until their requests are answered. When that is exceeded, the
    oldest incomplete one is refused, because the body of a well-behaved client arrives quickly.

    Args:
        max_held: maximum bytes of all large bodies together.
        timeout: maximum seconds until a body has arrived.
    """

    def __init__(self, *, max_held: int = MAX_HELD_BYTES, timeout: float = BODY_TIMEOUT) -> None:
        self._max_held = max_held
        self._timeout = timeout
        self._large: dict[Body, int] = {}
        self._turns = Turns()

    @property
    def held(self) -> int:
        """Bytes of all large bodies at present."""
        return sum(self._large.values())

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app with these bounds."""

        async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._serve(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return bounded

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        body = Body()
        try:
            refusal = _refusal_of_size(_content_length(scope)) or await self._read(body, receive)
            if refusal is not None:
                await refusal(scope, receive, send)
            elif not body.disconnected and await self._may_begin(scope):
                await app(scope, _replaying(body, receive), send)
        finally:
            self._large.pop(body, None)

    async def _read(self, body: Body, receive: Receive) -> Response | None:
        body.reading.deadline = anyio.current_time() + self._timeout
        with body.reading:
            while not (body.complete or body.disconnected):
                self._take(body, await receive())
                if (refusal := _refusal_of_size(len(body.data))) is not None:
                    return refusal
        if body.refused:
            return _refusal(503, Code.SERVER_BUSY, "too many large requests are being received.", "repeat the call.")
        if body.reading.cancelled_caught:
            return _refusal(408, Code.BODY_TIMEOUT, f"no whole request within {self._timeout} s.", "repeat the call.")
        if count_values(body.data) > MAX_VALUES:
            return _refusal(413, Code.BODY_TOO_LARGE, f"a request has more than {MAX_VALUES} values.", SPLIT)
        return None

    def _take(self, body: Body, message: Message) -> None:
        body.disconnected = message["type"] == "http.disconnect"
        body.data += message.get("body", b"")
        if len(body.data) > MAX_SMALL_BODY_BYTES:
            self._large[body] = len(body.data)
            while self.held > self._max_held:
                self._refuse(next(one for one in self._large if not one.complete))
        body.complete = not message.get("more_body", False)

    def _refuse(self, body: Body) -> None:
        del self._large[body]
        body.refused = True
        body.reading.cancel()

    async def _may_begin(self, scope: Scope) -> bool:
        return scope["method"] != "POST" or await self._turns.wait(partial(is_closed, scope))


def _content_length(scope: Scope) -> int | float:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) <= MAX_LENGTH_DIGITS else math.inf


def _refusal_of_size(size: float) -> Response | None:
    if size <= MAX_BODY_BYTES:
        return None
    return _refusal(
        413, Code.BODY_TOO_LARGE, f"a request has {size} bytes; at most {MAX_BODY_BYTES} are allowed.", SPLIT
    )


def _refusal(status: int, code: Code, message: str, next_step: str) -> Response:
    text = str(UsageError(code, message, next_step))
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": text}}
    return JSONResponse(error, status, {"connection": "close"})


def _replaying(body: Body, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": whole_characters(bytes(body.data)), "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
