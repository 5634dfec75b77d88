"""From FastMCP's `Context` to a `Call`: its caller, directory headers and roots."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import uuid4

from fastmcp.exceptions import FastMCPError
from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_access_token
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import ListRootsRequest, ListRootsResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, FailFast, ValidationError

from workflow_mcp.server.compat import connection_of
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.bindings import Binding
from workflow_mcp.sessions.caller import PROCESS_KEY, Caller, Era, Transport, session_key
from workflow_mcp.sessions.handshakes import Handshake
from workflow_mcp.workspace.client_directories import HEADER
from workflow_mcp.workspace.values import Call

logger = logging.getLogger(__name__)

ROOTS = "workflow_mcp_roots"
SSE_ID = "workflow_mcp_session_id"
CODEX_TURN = "x-codex-turn-metadata"
HANDSHAKE = "workflow_mcp.handshake"  # in a request's ASGI scope, where clients put nothing


@dataclass(frozen=True, slots=True)
class Bound:
    """What Claude Code's hook said of the call that runs, and the conversations that its process had before."""

    binding: Binding
    earlier: tuple[str, ...] = ()


BOUND: ContextVar[Bound | None] = ContextVar("workflow_mcp_bound", default=None)


class RootsRequired(FastMCPError):  # noqa: N818 - it asks for roots, it is not an error
    """The client must be asked for its roots before the tool body can run (SEP-2322)."""

    def __init__(self) -> None:
        super().__init__("the client's roots are required", log_level=logging.DEBUG)


class AnyRoot(BaseModel):
    """A root of any scheme; the SDK's model refuses a list with any other scheme than `file://`."""

    uri: str


class AnyRoots(BaseModel):
    """A client's answer to `roots/list`."""

    roots: Annotated[list[AnyRoot], FailFast()]


def call_of(context: Context, handle: str | None = None) -> Call:
    """The facts of this call."""
    caller = caller_of(context, handle)
    request = None if context.request_context is None else context.request_context.request
    headers = () if request is None else tuple(request.headers.getlist(HEADER))
    bound = BOUND.get()
    return Call(
        caller,
        directory=_codex_workspace(context) if bound is None else bound.binding.directory,
        earlier=() if bound is None else bound.earlier,
        headers=headers,
        roots=partial(_roots, context, caller),
    )


def caller_of(context: Context, handle: str | None = None) -> Caller:
    """The caller, from facts of the connection, which is noted as open."""
    transport, era, handshake = _transport(context), _era(context), handshake_of(context)
    connection_id = _open_connection(context, transport, handshake) if era == "legacy" else None
    token, bound = get_access_token(), BOUND.get()
    caller = Caller(
        era,
        transport,
        connection_id=connection_id,
        principal=None if token is None else token.client_id,
        handle=handle,
        binding=None if bound is None else bound.binding,
        launched_by=services_of(context).settings.claude_session_id if transport == "stdio" else None,
        has_unasked_roots=handshake is not None and handshake.has_roots,
    )
    if transport == "stdio" and (key := session_key(caller)) is not None:
        # Nobody else's, as long as the process lives that one client launched.
        services_of(context).connections.opened(key)
    return caller


def _codex_workspace(context: Context) -> str | None:
    """The directory of a Codex turn, where it has exactly one."""
    meta = None if context.request_context is None else context.request_context.meta
    turn = None if meta is None else meta.get(CODEX_TURN)
    workspaces = turn.get("workspaces") if isinstance(turn, dict) else None
    if not isinstance(workspaces, dict) or len(workspaces) != 1:
        return None
    return str(next(iter(workspaces)))


def _transport(context: Context) -> Transport:
    if context.request_context is not None and context.request_context.request is not None:
        return "sse" if context.transport == "sse" else "http"
    return "stdio" if context.transport == "stdio" else "memory"


def _era(context: Context) -> Era:
    return "2026-07-28" if context.session.protocol_version in MODERN_PROTOCOL_VERSIONS else "legacy"


def handshake_of(context: Context) -> Handshake | None:
    """The connection that several servers share, on which the request came; None for any other."""
    request = None if context.request_context is None else context.request_context.request
    handshake = None if request is None else request.scope.get(HANDSHAKE)
    return handshake if isinstance(handshake, Handshake) else None


def _open_connection(context: Context, transport: Transport, shared: Handshake | None) -> str | None:
    if shared is not None:
        return shared.key
    connection = connection_of(context)
    if transport == "http" and connection.session_id is None:
        return None
    # On SSE the client can set `Context.session_id` with a header.
    key = str(connection.state.setdefault(SSE_ID, uuid4().hex)) if transport == "sse" else context.session_id
    services = services_of(context)
    if services.connections.opened(key):
        connection.exit_stack.push_async_callback(services.connection_closed, key)
    return key


async def _roots(context: Context, caller: Caller) -> Sequence[str] | None:
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.roots is None:
        return ()
    answer = await _answer_for_roots(context, caller)
    uris = [str(root.uri) for root in answer.roots] if isinstance(answer, AnyRoots | ListRootsResult) else None
    if caller.transport == "stdio":
        services_of(context).connections.roots_asked(_connection_key(caller), answered=uris is not None)
    return uris


async def _answer_for_roots(context: Context, caller: Caller) -> object:
    if caller.era != "legacy" and context.input_responses is not None:
        return context.input_responses.get(ROOTS)
    if not services_of(context).connections.may_ask_for_roots(_connection_key(caller)):
        return None
    if caller.era != "legacy":
        raise RootsRequired
    return await _ask_for_roots(context)


def _connection_key(caller: Caller) -> str:
    return caller.connection_id or PROCESS_KEY


async def _ask_for_roots(context: Context) -> AnyRoots | None:
    timeout = services_of(context).settings.roots_timeout
    # Sent on the stream of the call itself, because a client need not have any other open.
    related = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        return await context.session.send_request(ListRootsRequest(), AnyRoots, timeout, related)
    except (MCPError, TimeoutError, ValidationError):
        logger.warning("the client did not answer roots/list", exc_info=True)
        return None
