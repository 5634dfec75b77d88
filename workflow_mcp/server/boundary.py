"""The middleware around our tools: it requests roots from clients, counts calls, and formats errors."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastmcp.exceptions import FastMCPError, NotFoundError, PromptError, ResourceError, ToolError
from fastmcp.prompts.base import InputRequiredPromptResult, PromptResult
from fastmcp.resources.base import InputRequiredResourceResult, ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from mcp_types import (
    CallToolRequestParams,
    GetPromptRequestParams,
    InputRequiredResult,
    ListRootsRequest,
    ReadResourceRequestParams,
)
from pydantic import ValidationError

from workflow_mcp.app import CANCELLED, OK, OTHER, Stats
from workflow_mcp.errors import Code, UsageError, WorkflowError, shown, workflow_error_in
from workflow_mcp.server.argument_errors import argument_error
from workflow_mcp.server.bound_calls import using_binding
from workflow_mcp.server.calls import ROOTS, RootsRequired
from workflow_mcp.server.limits import check_arguments
from workflow_mcp.server.request_ids import REQUEST_ID, identified
from workflow_mcp.server.services import SERVICES, ServicesSlot

T = TypeVar("T")

CODES = frozenset(Code)


class Boundary(Middleware):
    """Counts calls, requests roots from clients, and answers with errors of one line.

    Args:
        for_host: whether it is around a host's own tools, whose arguments and unexpected errors are left alone.
    """

    def __init__(self, *, for_host: bool = False) -> None:
        self._for_host = for_host

    async def on_message(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """See `Middleware`."""
        with identified():
            return await call_next(context)

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """See `Middleware`."""
        stats, name, start = _stats(context), context.message.name, time.perf_counter()
        try:
            async with using_binding(context.fastmcp_context):
                call = self._bounded_call(context, call_next)
                result = await self._answer(call, name, InputRequiredToolResult, ToolError)
        except BaseException as error:
            stats.called(name, _outcome(error), time.perf_counter() - start)
            raise
        # A client that is asked for roots repeats the call with them; only that is counted.
        if not isinstance(result, InputRequiredToolResult):
            stats.called(name, OK, time.perf_counter() - start)
        return result

    async def _bounded_call(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        if not self._for_host:
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
            shown_error = workflow_error_in(error)
            if shown_error is None and not self._for_host:
                shown_error = _unexpected(error, name, is_tool=failure is ToolError)
            if shown_error is None:
                raise
            raise failure(str(shown_error), log_level=logging.DEBUG) from error


def _outcome(error: BaseException) -> str:
    """What a call that raised is counted as: its error's code, where the client sees one."""
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    code = str(error).partition(":")[0]
    return code if code in CODES else OTHER


def _unexpected(error: Exception, name: str, *, is_tool: bool) -> WorkflowError | None:
    if isinstance(error, NotFoundError):
        # The protocol has an error of its own for unknown resources and prompts.
        return _unknown_tool(name) if is_tool else None
    if isinstance(error.__cause__, ValidationError):
        return argument_error(error.__cause__, name)
    if isinstance(error, FastMCPError) and error.__cause__ is None:
        return None
    return UsageError(
        Code.INTERNAL_ERROR,
        f"{name} failed unexpectedly.",
        f"look for the traceback of request {REQUEST_ID.get()} in the server's log (stderr).",
    )


def _unknown_tool(name: str) -> UsageError:
    return UsageError(Code.TOOL_UNKNOWN, f"there is no tool {shown(name)}.", "list the tools and call one of them.")


def _stats(context: MiddlewareContext[Any]) -> Stats:
    # Without a lifespan there are none, and the call itself fails with SERVER_NOT_STARTED.
    slot = None if context.fastmcp_context is None else context.fastmcp_context.lifespan_context.get(SERVICES)
    return slot.services.stats if isinstance(slot, ServicesSlot) else Stats()
