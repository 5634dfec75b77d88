"""What stands between FastMCP and our tools: asking for roots, one line for every error, and no handle in a log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from fastmcp.exceptions import FastMCPError, NotFoundError, PromptError, ResourceError, ToolError
from fastmcp.prompts.base import InputRequiredPromptResult, PromptResult
from fastmcp.resources.base import InputRequiredResourceResult, ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from mcp.server.context import CallNext as ServerCallNext
from mcp.server.context import HandlerResult, ServerMiddleware, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    GetPromptRequestParams,
    InputRequiredResult,
    ListRootsRequest,
    ReadResourceRequestParams,
)
from pydantic import ValidationError

from workflow_mcp.app import Services, Stats
from workflow_mcp.errors import Code, UsageError, shown, workflow_error_in
from workflow_mcp.server.argument_errors import argument_error
from workflow_mcp.server.calls import ROOTS, SERVICES, RootsRequired
from workflow_mcp.server.limits import check_arguments

T = TypeVar("T")


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
        stats = _stats(context)
        try:
            call = self._bounded_call(context, call_next)
            result = await self._answer(call, context.message.name, InputRequiredToolResult, ToolError)
        except Exception:
            stats.calls += 1
            stats.errors += 1
            raise
        # A call that is asked for roots comes again with them, and counts then.
        stats.calls += not isinstance(result, InputRequiredToolResult)
        return result

    async def _bounded_call(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        if self._own:
            check_arguments(context.message.arguments)
        return await call_next(context)

    async def on_read_resource(
        self,
        context: MiddlewareContext[ReadResourceRequestParams],
        call_next: CallNext[ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """See `Middleware`."""
        uri = str(context.message.uri)
        return await self._answer(call_next(context), uri, InputRequiredResourceResult, ResourceError)

    async def on_get_prompt(
        self,
        context: MiddlewareContext[GetPromptRequestParams],
        call_next: CallNext[GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """See `Middleware`."""
        return await self._answer(call_next(context), context.message.name, InputRequiredPromptResult, PromptError)

    async def _answer(
        self,
        call: Awaitable[T],
        name: str,
        ask: Callable[[InputRequiredResult], T],
        failure: type[FastMCPError],
    ) -> T:
        try:
            return await call
        except RootsRequired:
            return ask(InputRequiredResult(input_requests={ROOTS: ListRootsRequest()}))
        except Exception as error:
            line = self._line(error, name, is_tool=failure is ToolError)
            if line is None:
                raise
            raise failure(line, log_level=logging.DEBUG) from error

    def _line(self, error: Exception, name: str, *, is_tool: bool) -> str | None:
        told = workflow_error_in(error)
        if told is not None:
            return str(told)
        if not self._own or (isinstance(error, NotFoundError) and not is_tool):
            return None
        if isinstance(error, NotFoundError):
            return _line(Code.TOOL_UNKNOWN, f"there is no tool {shown(name)}.", "list the tools and call one of them.")
        if isinstance(error.__cause__, ValidationError):
            return str(argument_error(error.__cause__, name))
        if isinstance(error, FastMCPError) and error.__cause__ is None:
            return None
        return _line(
            Code.INTERNAL_ERROR, f"{name} failed unexpectedly.", "look for the traceback in the server's log (stderr)."
        )


def _stats(context: MiddlewareContext[Any]) -> Stats:
    # Outside of a lifespan there are none; the call itself will say so.
    services: Services | None = (
        None if context.fastmcp_context is None else context.fastmcp_context.lifespan_context.get(SERVICES)
    )
    return Stats() if services is None else services.stats


def _line(code: Code, message: str, next_step: str) -> str:
    return str(UsageError(code, message, next_step))
