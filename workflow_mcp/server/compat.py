"""Every private part of FastMCP, the SDK or another library that this package uses, each behind a function.

Each was seen in the version that its docstring names; `tests/server/test_compat.py` says which one has moved.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
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


def lowlevel_server(server: FastMCP) -> Server[Any]:
    """The SDK's server within FastMCP's, which alone can be run on streams of our own. FastMCP 4.1.2."""
    return server._mcp_server  # noqa: SLF001 - this module is the place for it


def add_request_middleware(server: FastMCP, *middleware: ServerMiddleware[Any]) -> None:
    """Let `middleware` see requests before the SDK validates them; FastMCP's own sees them after. mcp 2.3.0."""
    lowlevel_server(server).middleware.extend(middleware)


def skip_parameter_headers(server: FastMCP) -> None:
    """Say that no tool takes `Mcp-Param-*` headers; to find out, the SDK lists all tools before a call. mcp 2.3.0."""
    lowlevel_server(server).get_tool_input_schema = lambda _name: None


def running_lifespan(server: FastMCP) -> AbstractAsyncContextManager[None]:
    """The server's lifespan, entered once however often it is asked for, for a transport of our own. FastMCP 4.1.2."""
    return server._lifespan_manager()  # noqa: SLF001 - this module is the place for it


def is_entered_by_host() -> bool:
    """In a server's lifespan: whether a host into which the server is mounted enters it. FastMCP 4.1.2."""
    return _lifespan_root_active.get()


def connection_of(context: Context) -> Connection:
    """The connection that a request came on, with its state and what happens when it closes. mcp 2.3.0."""
    return context.session._connection  # noqa: SLF001 - this module is the place for it


def keep_streams_at_shutdown() -> None:
    """Stop sse-starlette from cutting off every streamed answer the moment a signal comes. sse-starlette 3.7.0."""
    from sse_starlette.sse import AppStatus  # noqa: PLC0415 - only a server over HTTP has it to do

    AppStatus.enable_automatic_graceful_drain = False


def legacy_sessions(app: Starlette, path: str) -> dict[str, StreamableHTTPServerTransport]:
    """The handshake-era sessions of FastMCP's endpoint at `path`, by id, once it has started. FastMCP 4.1.2, mcp 2.3.0.

    The SDK's own bound on their number refuses the newest.
    """
    endpoint = next(getattr(route, "app", None) for route in app.routes if getattr(route, "path", None) == path)
    # With tokens, the endpoint stands behind a middleware that asks for them.
    manager: Any = getattr(getattr(endpoint, "app", endpoint), "session_manager", None)
    sessions: dict[str, StreamableHTTPServerTransport] = manager._server_instances  # noqa: SLF001 - as above
    return sessions
