"""Calls that wait for something: they end when their client leaves, or the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_context
from starlette.requests import Request

from workflow_mcp.server.calls import handshake_of
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.handshakes import Handshakes

T = TypeVar("T")


class Stopping:
    """The moment from which a server begins nothing new: what waits ends then, so that nothing waits for it."""

    def __init__(self) -> None:
        self._then: list[Callable[[], None]] = []

    def then(self, call: Callable[[], None]) -> None:
        """Call this when the server begins to stop."""
        self._then.append(call)

    def begin(self) -> None:
        """Begin to stop; called in the event loop."""
        for call in self._then:
            call()


async def unless_client_leaves(call: Awaitable[T]) -> T:
    """What a call returns; it is cancelled when the client closes the connection on which the answer is due.

    The SDK does the same on 2026-07-28 and over stdio. In the handshake era a client that disconnects has not cancelled
    its request (2025-11-25, Streamable HTTP), but nobody would get the answer, and what it gives away would be lost.
    """
    context = get_context()
    request = None if context.request_context is None else context.request_context.request
    if request is None:
        return await call
    with anyio.CancelScope() as scope:
        listening = asyncio.create_task(_disconnection(request))
        listening.add_done_callback(lambda task: None if task.cancelled() else scope.cancel())
        try:
            return await call
        finally:
            listening.cancel()
    raise ToolError("the client has left", log_level=logging.DEBUG)


def wanted_still() -> Callable[[], Awaitable[bool]] | None:
    """What tells, of a handshake-era call, whether its client has cancelled it at another server; else None.

    The SDK only knows of a cancellation where the call runs.
    """
    context = get_context()
    handshake, shared = handshake_of(context), services_of(context).shared
    if handshake is None or shared is None:
        return None
    return partial(Handshakes(shared).wants, handshake.key, context.request_id)


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
