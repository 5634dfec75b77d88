"""`build_server`: lifespan, error boundary and tools put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import FastMCPError, NotFoundError, ResourceError, ToolError
from fastmcp.resources.base import InputRequiredResourceResult, ResourceResult
from fastmcp.server.dependencies import get_server
from fastmcp.server.lifespan import lifespan as lifespan_of
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.mixins.lifespan import _lifespan_root_active
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from mcp.server.context import CallNext as ServerCallNext
from mcp.server.context import HandlerResult, ServerMiddleware, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    InputRequiredResult,
    ListRootsRequest,
    ReadResourceRequestParams,
)
from pydantic import ValidationError

from workflow_mcp.errors import shown, workflow_error_in
from workflow_mcp.services import Services, open_services
from workflow_mcp.session_archive import SessionStore
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.tools import projects, session, work_items
from workflow_mcp.tools.calls import ROOTS, SERVICES, RootsRequired
from workflow_mcp.version import __version__

logger = logging.getLogger(__name__)

INSTRUCTIONS = """\
workflow-mcp keeps each project's work apart. It knows which directory and project a call is for; every answer says so.
- get_working_directory shows the directory, the project and how they are known.
- If it shows the wrong directory, or a call fails with NO_DIRECTORY or NO_SESSION, call
  set_working_directory with the absolute path you work in.
- If set_working_directory returns a `session`, pass it as `session` in every later call.
- A subagent that works elsewhere calls set_working_directory(new_session=true) and passes its own `session`.
- No project yet? init_project makes the directory one.
- Work items: create_work_items (a whole plan in one call), claim_work_item (takes the next ready one, safely among many
  agents), update_work_items (status=completed finishes), list_work_items, get_work_item.
Errors are one line; the part after "Next:" says what fixes them.
"""
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


class ShortSessions(logging.Filter):
    """Shortens the handle among the tool arguments that FastMCP logs at DEBUG: it is a bearer capability."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if isinstance(record.args, tuple):
            record.args = tuple(_without_handle(value) for value in record.args)
        return True


def _without_handle(value: object) -> object:
    if not isinstance(value, dict) or value.get("session") is None:
        return value
    return {**value, "session": f"{str(value['session'])[:4]}…"}


SHORT_SESSIONS = ShortSessions()


class OnlyFileRoots(ServerMiddleware[Any]):
    """Takes roots that are no `file://` out of a client's answer: for one of them the SDK refuses the whole call."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: ServerCallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        responses = (ctx.params or {}).get("inputResponses")
        if ctx.params is not None and isinstance(responses, dict) and ROOTS in responses:
            kept = {**responses, ROOTS: _only_file_roots(responses[ROOTS])}
            ctx = replace(ctx, params={**ctx.params, "inputResponses": kept})
        return await call_next(ctx)


def _only_file_roots(answer: object) -> object:
    if not isinstance(answer, dict) or not isinstance(answer.get("roots"), list):
        return answer
    return {**answer, "roots": [root for root in answer["roots"] if not _is_of_another_scheme(root)]}


def _is_of_another_scheme(root: object) -> bool:
    uri = root.get("uri") if isinstance(root, dict) else None
    return isinstance(uri, str) and not uri.lower().startswith("file:")


class Boundary(Middleware):
    """Counts calls, asks clients for roots, and gives every error its one line."""

    def __init__(self, *, own: bool) -> None:
        self._own = own

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """See `Middleware`."""
        services = _running(context)
        if services is not None:
            services.stats.calls += 1
        try:
            return await call_next(context)
        except RootsRequired:
            if services is not None:
                services.stats.calls -= 1  # it comes again, with the roots
            return InputRequiredToolResult(_ask_for_roots())
        except Exception as error:
            if services is not None:
                services.stats.errors += 1
            line = self._line(error, context.message.name)
            if line is None:
                raise
            raise ToolError(line, log_level=logging.DEBUG) from error

    async def on_read_resource(
        self,
        context: MiddlewareContext[ReadResourceRequestParams],
        call_next: CallNext[ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """See `Middleware`."""
        try:
            return await call_next(context)
        except RootsRequired:
            return InputRequiredResourceResult(_ask_for_roots())
        except Exception as error:
            line = None if isinstance(error, NotFoundError) else self._line(error, str(context.message.uri))
            if line is None:
                raise
            raise ResourceError(line, log_level=logging.DEBUG) from error

    def _line(self, error: Exception, name: str) -> str | None:
        told = workflow_error_in(error)
        if told is not None:
            return str(told)
        if not self._own:
            return None
        if isinstance(error, NotFoundError):
            return f"UNKNOWN_TOOL: there is no tool {shown(name)}. Next: list the tools and call one of them."
        if isinstance(error.__cause__, ValidationError):
            return _argument_line(error.__cause__, name)
        if isinstance(error, FastMCPError) and error.__cause__ is None:
            return None
        return f"INTERNAL_ERROR: {name} failed unexpectedly. Next: look for the traceback in the server's log (stderr)."


def _running(context: MiddlewareContext[Any]) -> Services | None:
    return None if context.fastmcp_context is None else context.fastmcp_context.lifespan_context.get(SERVICES)


def _ask_for_roots() -> InputRequiredResult:
    return InputRequiredResult(input_requests={ROOTS: ListRootsRequest()})


def _argument_line(error: ValidationError, name: str) -> str:
    # What was misspelt explains what is missing.
    first = min(error.errors(include_url=False), key=lambda one: one["type"] not in UNKNOWN)
    argument = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("missing", "missing_argument"):
        return f"INVALID_ARGUMENT: {argument} is missing. Next: call {name} with it."
    if first["type"] in UNKNOWN:
        return f"INVALID_ARGUMENT: there is no {argument}. Next: call {name} without it, or under its right name."
    return (
        f"INVALID_ARGUMENT: {argument} is {shown(first['input'])}: {first['msg']}. "
        f"Next: call {name} with a value for {argument} that fits its schema."
    )


def build_server(settings: Settings | None = None, *, session_store: SessionStore | None = None) -> FastMCP:
    """A server that is ready to run or to be mounted into another one.

    Args:
        settings: default: from the environment.
        session_store: a py-key-value store in which sessions survive the process; default: memory only.

    Raises:
        UsageError: `INVALID_SETTING`.
    """
    chosen = load_settings() if settings is None else settings
    logging.getLogger("fastmcp.server.mixins.mcp_operations").addFilter(SHORT_SESSIONS)

    @asynccontextmanager
    async def lifespan(_server: FastMCP) -> AsyncIterator[dict[str, Any]]:
        async with open_services(chosen, session_store) as services:
            with _lent_to_host(services):
                yield {SERVICES: services}

    server: FastMCP = FastMCP(
        "workflow-mcp",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        middleware=[Boundary(own=True)],
        mask_error_details=True,
        on_duplicate="error",
    )
    # FastMCP has no middleware of its own that sees a request before the SDK has validated it.
    server._mcp_server.middleware.append(OnlyFileRoots())  # noqa: SLF001
    for group in (session, projects, work_items):
        group.register(server)
    return server


@contextmanager
def _lent_to_host(services: Services) -> Iterator[None]:
    # A host with `workflow_lifespan` into which we are mounted: what our tools set, its own must go by.
    lent = (get_server()._lifespan_result or {}) if _lifespan_root_active.get() else {}  # noqa: SLF001
    own = lent.get(SERVICES)
    if own is not None:
        lent[SERVICES] = replace(services, stats=own.stats)
    try:
        yield
    finally:
        if own is not None:
            lent[SERVICES] = own


@lifespan_of
async def workflow_lifespan(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """The lifespan for a host that wants `CurrentWorkspace()` in its own tools, and nothing else of ours.

    Composes with the host's own: `FastMCP("mine", lifespan=my_lifespan | workflow_lifespan)`.

    Raises:
        UsageError: `INVALID_SETTING`.
    """
    boundary = Boundary(own=False)
    async with open_services(load_settings(), None) as services:
        server.add_middleware(boundary)
        try:
            yield {SERVICES: services}
        finally:
            server.middleware.remove(boundary)
