"""The tools that the Claude Code plugin's hooks call; no model sees them."""

from __future__ import annotations

from fastmcp.dependencies import CurrentContext
from fastmcp.server.context import Context

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.server.bound_calls import tool_use_id
from workflow_mcp.server.calls import caller_of
from workflow_mcp.server.hook_answers import HookEvent, hook_answer
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.bindings import NEXT_STEP, Binding
from workflow_mcp.workspace.directories import check_text


async def bind_call(
    session: str, call: str, cwd: str, agent: str = "", agent_type: str = "", context: Context = CurrentContext()
) -> str:
    """Say which agent makes the call with this id, and in which directory."""
    _refuse_models(context)
    check_text(cwd)
    binding = Binding(session, agent, agent_type, cwd)
    await services_of(context).bindings.bind(caller_of(context).principal, call, binding)
    return ""


async def describe_work(
    event: HookEvent,
    session: str,
    cwd: str,
    agent: str = "",
    agent_type: str = "",
    context: Context = CurrentContext(),
) -> str:
    """Tell an agent of its project's work what the event asks for, as the output of a hook of Claude Code."""
    _refuse_models(context)
    return await hook_answer(event, Binding(session, agent, agent_type, cwd), context)


def _refuse_models(context: Context) -> None:
    if tool_use_id(context) is not None:
        raise UsageError(Code.ARGUMENT_INVALID, "a model called a tool that is for hooks alone.", NEXT_STEP)
