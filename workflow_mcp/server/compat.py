"""Every private part of FastMCP, the SDK or another library that this package uses, each behind a function.

A docstring names the version that the part was found in; `tests/server/test_compat.py` has a test for each.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from fastmcp.server.context import Context
from fastmcp.server.mixins.lifespan import _lifespan_root_active
from mcp.server.context import ServerMiddleware
from mcp.server.lowlevel import Server

if TYPE_CHECKING:
    from mcp.server.connection import Connection
    from mcp.server.streamable_http import StreamableHTTPServerTransport
    from starlette.applications import Starlette

ARGUMENTS_LOGGER = "fastmcp.server.mixins.mcp_operations"
ERROR_LOGGERS = ("fastmcp.server.server", "fastmcp.prompts.function_prompt")  # the second before FastMCP 4.2


class LeanServer(FastMCP):
    """A FastMCP server that opens its session state when something is put into it. FastMCP 4.1.2.

    FastMCP does so at the first list, to find that it is empty: 0.15 s and 6 MB of imports.
    """

    @cached_property
    def _state_store(self) -> Any:
        return _LazyState(lambda: super(LeanServer, self)._state_store)


class _LazyState:
    def __init__(self, open_state: Callable[[], Any]) -> None:
        self._open_state = open_state
        self._opened: Any = None

    async def get(self, *, key: str) -> Any:
        return None if self._opened is None else await self._opened.get(key=key)

    async def put(self, **entry: Any) -> None:
        self._opened = self._open_state()
        await self._opened.put(**entry)

    async def delete(self, *, key: str) -> bool:
        return self._opened is not None and bool(await self._opened.delete(key=key))


def undocumented(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function without a docstring, which FastMCP would parse even when it is given the description.

    The parser takes 0.02 s to import. FastMCP 4.1.2.
    """
    if isinstance(function, MethodType):
        return MethodType(undocumented(function.__func__), function.__self__)
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    for name in ("__module__", "__qualname__", "__annotations__", "__kwdefaults__"):
        setattr(copy, name, getattr(function, name))
    copy.__doc__ = None
    return copy


def lowlevel_server(server: FastMCP) -> Server[Any]:
    """The SDK's server inside FastMCP's, which can be run on any streams. FastMCP 4.1.2."""
    return server._mcp_server


def add_request_middleware(server: FastMCP, *middleware: ServerMiddleware[Any]) -> None:
    """Add `middleware` that gets requests before the SDK validates them; FastMCP's gets them after. mcp 2.3.0."""
    lowlevel_server(server).middleware.extend(middleware)


def skip_parameter_headers(server: FastMCP) -> None:
    """Stop the SDK from listing all tools before each call to find `Mcp-Param-*` headers; we have none. mcp 2.3.0."""
    lowlevel_server(server).get_tool_input_schema = lambda _name: None


def running_lifespan(server: FastMCP) -> AbstractAsyncContextManager[None]:
    """Run the server's lifespan, for a transport of our own; entered once, however often it is used. FastMCP 4.1.2."""
    return server._lifespan_manager()


def is_entered_by_host() -> bool:
    """In a server's lifespan: whether a host into which the server is mounted enters it. FastMCP 4.1.2."""
    return _lifespan_root_active.get()


def connection_of(context: Context) -> Connection:
    """The connection that a request came on, with its state and its exit stack. mcp 2.3.0."""
    return context.session._connection


def keep_streams_at_shutdown() -> None:
    """Stop sse-starlette from ending all streamed answers as soon as a signal arrives. sse-starlette 3.7.0."""
    from sse_starlette.sse import AppStatus  # noqa: PLC0415 - only a server over HTTP needs it

    AppStatus.enable_automatic_graceful_drain = False


def legacy_sessions(app: Starlette, path: str) -> dict[str, StreamableHTTPServerTransport]:
    """The handshake-era sessions of FastMCP's endpoint at `path`, by id, once it has started. FastMCP 4.1.2, mcp 2.3.0.

    They are bounded here because the SDK's own bound refuses new ones instead of ending old ones.
    """
    endpoint = next(getattr(route, "app", None) for route in app.routes if getattr(route, "path", None) == path)
    # With tokens, the endpoint is wrapped in a middleware that checks them.
    manager: Any = getattr(getattr(endpoint, "app", endpoint), "session_manager", None)
    sessions: dict[str, StreamableHTTPServerTransport] = manager._server_instances
    return sessions
