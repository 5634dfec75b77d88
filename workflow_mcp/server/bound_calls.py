"""Calls that Claude Code's hook has bound, and the hook's own tools, which no model sees (design, "Bound calls")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from fastmcp.server.context import Context
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool
from mcp_types import ListToolsRequest

from workflow_mcp.server.calls import BOUND, Bound, call_of, caller_of
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.bindings import Binding, check_binding
from workflow_mcp.workspace.values import Call

TOOL_USE = "claudecode/toolUseId"
HOOK_TAG = "hook"


class HiddenTools(Middleware):
    """Leaves the hook's tools out of `tools/list`: the hook can call them, and they cost no model anything."""

    async def on_list_tools(
        self, context: MiddlewareContext[ListToolsRequest], call_next: CallNext[ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """See `Middleware`."""
        return [tool for tool in await call_next(context) if HOOK_TAG not in tool.tags]


def tool_use_id(context: Context) -> str | None:
    """Claude Code's id of a call that a model makes; a hook's call has none."""
    meta = None if context.request_context is None else context.request_context.meta
    name = None if meta is None else meta.get(TOOL_USE)
    return name if isinstance(name, str) else None


@asynccontextmanager
async def using_binding(context: Context | None) -> AsyncIterator[None]:
    """Let what the hook said of a call hold while the call runs; it is used up by this."""
    bound = None if context is None or BOUND.get() is not None else await _bound(context)
    if bound is None:
        yield
        return
    token = BOUND.set(bound)
    try:
        yield
    finally:
        BOUND.reset(token)


async def _bound(context: Context) -> Bound | None:
    services, name = services_of(context), tool_use_id(context)
    if name is None or not services.settings.hook_tool:
        return None
    binding = await services.bindings.use(caller_of(context).principal, name)
    return None if binding is None else await _as_bound(context, binding)


async def _as_bound(context: Context, binding: Binding) -> Bound:
    caller = caller_of(context)
    main = replace(binding, agent="").actor(caller.principal)
    return Bound(binding, await services_of(context).conversations.earlier(caller.connection, main))


async def hook_call(context: Context, binding: Binding) -> Call:
    """The call of a hook's own tool, as if it had been bound to what its arguments say.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    check_binding(binding)
    token = BOUND.set(await _as_bound(context, binding))
    try:
        return call_of(context)
    finally:
        BOUND.reset(token)
