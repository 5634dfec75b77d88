"""From FastMCP's `Context` to a `Call`, and from there to the workspace that tools get injected."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar, cast
from uuid import uuid4

from fastmcp.exceptions import FastMCPError, ToolError
from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_access_token, get_context
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import ListRootsRequest, ListRootsResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, FailFast, ValidationError
from uncalled_for import Dependency, current_frame

from workflow_mcp.app import Services
from workflow_mcp.errors import Code, DirectoryError, UsageError, WorkflowError
from workflow_mcp.sessions.caller import PROCESS_KEY, Caller, Era, Transport
from workflow_mcp.workspace.directories import HEADER, SET_IT
from workflow_mcp.workspace.values import Call, Workspace

if TYPE_CHECKING:
    from mcp.server.connection import Connection

logger = logging.getLogger(__name__)

SERVICES = "workflow_mcp"
ROOTS = "workflow_mcp_roots"
SSE_ID = "workflow_mcp_session_id"

P = ParamSpec("P")
T = TypeVar("T")


class RootsRequired(FastMCPError):  # noqa: N818 - it asks, it does not fail
    """The client must be asked for its roots before the tool body can run (SEP-2322)."""

    def __init__(self) -> None:
        super().__init__("the client's roots are required", log_level=logging.DEBUG)


class AnyRoot(BaseModel):
    """A root of any scheme: the SDK's own model refuses a whole list for one that is no `file://`."""

    uri: str


class AnyRoots(BaseModel):
    """A client's answer to `roots/list`."""

    roots: Annotated[list[AnyRoot], FailFast()]


@contextmanager
def told_to_client() -> Iterator[None]:
    """Turns a `WorkflowError` into the one FastMCP hands on unchanged, without a traceback in the log."""
    try:
        yield
    except WorkflowError as error:
        raise ToolError(str(error), log_level=logging.INFO) from error


def client_errors(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The function with its `WorkflowError`s told to the client."""

    @wraps(function)
    async def telling(*args: P.args, **kwargs: P.kwargs) -> T:
        with told_to_client():
            return await function(*args, **kwargs)

    return telling


def services_of(context: Context) -> Services:
    """The services of the server that serves this call.

    Raises:
        UsageError: `SERVER_NOT_STARTED`, when its lifespan has not been entered.
    """
    services = context.lifespan_context.get(SERVICES)
    if services is None:
        raise UsageError(
            Code.SERVER_NOT_STARTED,
            "this server's lifespan has not been entered.",
            "run the server, connect a Client to it, or give the host lifespan=workflow_lifespan.",
        )
    return cast("Services", services)


def call_of(context: Context, handle: str | None = None) -> Call:
    """What this call says about itself."""
    caller = caller_of(context, handle)
    request = None if context.request_context is None else context.request_context.request
    headers = () if request is None else tuple(request.headers.getlist(HEADER))
    return Call(caller, headers=headers, roots=partial(_roots, context, caller.era))


def caller_of(context: Context, handle: str | None = None) -> Caller:
    """Whose call it is, from facts of the connection; an open connection is noted as such."""
    transport, era = _transport(context), _era(context)
    connection_id = _open_connection(context, transport) if era == "legacy" else None
    if era != "legacy" and transport == "stdio":
        services_of(context).connections.opened(PROCESS_KEY, transport)
    token = get_access_token()
    return Caller(era, transport, connection_id, None if token is None else token.client_id, handle)


def _transport(context: Context) -> Transport:
    if context.request_context is not None and context.request_context.request is not None:
        return "sse" if context.transport == "sse" else "http"
    return "stdio" if context.transport == "stdio" else "memory"


def _era(context: Context) -> Era:
    return "2026-07-28" if context.session.protocol_version in MODERN_PROTOCOL_VERSIONS else "legacy"


def _open_connection(context: Context, transport: Transport) -> str | None:
    # The SDK gives a request no other way to its connection; FastMCP goes the same way.
    connection: Connection = context.session._connection  # noqa: SLF001
    if transport == "http" and connection.session_id is None:
        return None
    # On SSE `Context.session_id` can be a header the client made up.
    key = str(connection.state.setdefault(SSE_ID, uuid4().hex)) if transport == "sse" else context.session_id
    services = services_of(context)
    if services.connections.opened(key, transport):
        connection.exit_stack.callback(services.connection_closed, key)
    return key


async def _roots(context: Context, era: Era) -> Sequence[str]:
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.roots is None:
        return ()
    answer = await _ask_for_roots(context) if era == "legacy" else _answered_roots(context)
    if not isinstance(answer, AnyRoots | ListRootsResult):
        raise DirectoryError(
            Code.ROOTS_UNANSWERED,
            "the client declares roots but did not answer when it was asked for them.",
            f"call {SET_IT}.",
        )
    return [str(root.uri) for root in answer.roots]


def _answered_roots(context: Context) -> object:
    if context.input_responses is None:
        raise RootsRequired
    return context.input_responses.get(ROOTS)


async def _ask_for_roots(context: Context) -> AnyRoots | None:
    patience = services_of(context).settings.roots_timeout
    # Sent on the stream of the call itself: a client need not hold any other open.
    related = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        return await context.session.send_request(ListRootsRequest(), AnyRoots, patience, related)
    except (MCPError, TimeoutError, ValidationError):
        logger.warning("the client did not answer roots/list", exc_info=True)
        return None


class _CurrentWorkspace(Dependency[Workspace]):
    def __init__(self, *, required: bool, choice: bool) -> None:
        self._required = required
        self._choice = choice

    async def __aenter__(self) -> Workspace:
        context = get_context()
        handle = current_frame().provided.get("session")
        with told_to_client():
            resolver = services_of(context).resolver
            resolve = resolver.require if self._required else resolver.resolve
            return await resolve(call_of(context, handle), choice=self._choice)


def CurrentWorkspace(*, required: bool = True, choice: bool = True) -> Workspace:  # noqa: N802 - stands for its value
    """The caller's workspace, as the default of a tool's or a resource's parameter.

    A `session` argument of the same tool, if it has one, is taken as the handle. With `required`,
    the call is refused when no directory is known; else the workspace's `place` is None. Without
    `choice`, its project is the config's even where the session chose another.

    Example:
        @host.tool
        def where(workspace: Workspace = CurrentWorkspace()) -> str:
            return workspace.directory
    """
    return cast("Workspace", _CurrentWorkspace(required=required, choice=choice))
