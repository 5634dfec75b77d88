"""What the Claude Code plugin's hooks are answered, event by event.

The shapes are those that Claude Code reads of a hook's output: JSON, but before a compaction plain text, which the
summary is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from fastmcp.server.context import Context

from workflow_mcp.app import Services
from workflow_mcp.claude_code.texts import (
    MAX_START_BYTES,
    MAX_SUBAGENT_BYTES,
    held_text,
    reminder,
    session_text,
    subagent_text,
    with_note,
)
from workflow_mcp.server.bound_calls import hook_call
from workflow_mcp.server.calls import caller_of
from workflow_mcp.server.overviews import changed_since, overview_of
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.bindings import Binding
from workflow_mcp.work.overview import MAX_READY, Overview
from workflow_mcp.workspace.projects import ProjectData

HookEvent = Literal["SessionStart", "SubagentStart", "PreCompact", "Stop", "UserPromptSubmit"]
MAX_COMPARED = 200  # ready items


@dataclass(frozen=True, slots=True)
class Look:
    """What an agent saw of its project, and when: `actor` is its name, `main` that of its conversation's main agent."""

    overview: Overview
    data: ProjectData
    main: str
    actor: str
    now: datetime


async def hook_answer(event: HookEvent, binding: Binding, context: Context) -> str:
    """The answer to an event of a conversation, or of a subagent in it; nothing where there is no project."""
    services = services_of(context)
    text = ""
    if _is_wanted(event, services):
        look = await _look(context, binding, max_ready=MAX_COMPARED if event == "UserPromptSubmit" else MAX_READY)
        text = "" if look is None else await _text(event, look, services)
    return text if event == "PreCompact" else json.dumps(_output(event, text), ensure_ascii=False)


async def _look(context: Context, binding: Binding, *, max_ready: int) -> Look | None:
    services, call, principal = services_of(context), await hook_call(context, binding), caller_of(context).principal
    workspace = await services.resolver.resolve(call)
    main = replace(binding, agent="", agent_type="").actor(principal)
    if workspace.project is None:
        return None
    data = await services.projects.data_of(workspace)
    overview = await overview_of(data, (main, *call.earlier), max_ready=max_ready)
    return Look(overview, data, main, binding.actor(principal), datetime.now(UTC))


async def _text(event: HookEvent, look: Look, services: Services) -> str:
    overview = look.overview
    match event:
        case "SessionStart":
            text = session_text(overview, holder=look.main, now=look.now)
            return with_note(text, look.data.note, MAX_START_BYTES)
        case "SubagentStart":
            text = subagent_text(overview, actor=look.actor, now=look.now)
            return with_note(text, look.data.note, MAX_SUBAGENT_BYTES)
        case "PreCompact":
            return held_text(overview, holder=look.main, now=look.now)
        case "Stop":
            return reminder(overview, look.now)
        case "UserPromptSubmit":
            before = await services.looks.exchange(look.main, overview)
            return "" if before is None else await changed_since(before, overview, look.data)


def _output(event: HookEvent, text: str) -> dict[str, Any]:
    if not text:
        return {}  # an empty answer would be told to the model as a success
    if event == "Stop":
        return {"systemMessage": text}
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def _is_wanted(event: HookEvent, services: Services) -> bool:
    if event == "Stop":
        return services.settings.hook_remind_at_stop
    return event != "UserPromptSubmit" or services.settings.hook_tell_changes
