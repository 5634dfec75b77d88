"""What sessions are told of a project: facts, in few bytes.

Titles and names are what others wrote: each stands on one line, what is hidden in it written out, and cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.lines import counted, cut, first_fitting
from workflow_mcp.work.overview import HeldItem, Overview
from workflow_mcp.work.text import quoted, visible
from workflow_mcp.work.values import ItemSummary

MAX_START_BYTES = 1_200
MAX_SUBAGENT_BYTES = 300
MAX_ERROR_BYTES = 600
MAX_NAME_BYTES = 80
MAX_TITLE_BYTES = 64
MAX_SHOWN_HELD = 4
MAX_CHANGES_BYTES = 600
MAX_STATUS_TITLE_BYTES = 50


def session_text(overview: Overview, *, holder: str, now: datetime) -> str:
    """What a session starts with: the project, what the session holds and what can be claimed first."""
    lines = [f"workflow-mcp: project {_short(overview.project, MAX_NAME_BYTES)}{_amount(overview)}."]
    if overview.held:
        lines.append(f"Held by this session as {holder}:")
        lines += _first([_held_line(held, now) for held in overview.held], MAX_SHOWN_HELD)
    if overview.ready:
        lines.append("Ready, in order; titles are what people and agents wrote:")
        lines += [_line(item) for item in overview.ready]
    return "\n".join(first_fitting(lines, MAX_START_BYTES - len("\n… and 99 more")))


def subagent_text(overview: Overview, *, actor: str, now: datetime) -> str:
    """What a subagent starts with: the project, its own name, and what the main agent holds."""
    project, name = _short(overview.project, MAX_NAME_BYTES), _short(actor, MAX_NAME_BYTES)
    lines = [f"workflow-mcp: project {project}. Calls of this subagent are made as {name}."]
    if overview.held:
        lines.append("Held by the main agent:")
        lines += [_held_line(held, now, MAX_TITLE_BYTES // 2) for held in overview.held]
    return "\n".join(first_fitting(lines, MAX_SUBAGENT_BYTES - len("\n… and 99 more")))


def with_note(text: str, note: str | None, max_bytes: int) -> str:
    """A text and, as far as there is room, what the caller should know about the project's data."""
    room = max_bytes - len(text.encode()) - len("\n")
    return f"{text}\n{_short(note, room)}".rstrip("\n") if note else text


def held_text(overview: Overview, *, holder: str, now: datetime) -> str:
    """What a summary of the conversation must not lose: the project, and what the session holds; or nothing."""
    if not overview.held:
        return ""
    lines = [f"workflow-mcp: project {_short(overview.project, MAX_NAME_BYTES)}. Held by this session as {holder}:"]
    return "\n".join(lines + _first([_held_line(held, now) for held in overview.held], MAX_SHOWN_HELD))


def reminder(overview: Overview, now: datetime) -> str:
    """What a person is shown when a session stops while it holds something; empty when it holds nothing."""
    if not overview.held:
        return ""
    lines = _first([_held_line(held, now) for held in overview.held], MAX_SHOWN_HELD)
    return f"workflow-mcp: this session still holds {'; '.join(lines)}"


def changes_text(project: str, ready: Sequence[ItemSummary], lost: Sequence[ItemSummary]) -> str:
    """What is new since a session last looked: what has become ready, and what it held that others have; or nothing."""
    lines = [f"now ready: {_line(item)}" for item in ready]
    lines += [f"no longer held by this session: {_line(item)}, {item.state}" for item in lost]
    if not lines:
        return ""
    heading = f"workflow-mcp: changed in project {_short(project, MAX_NAME_BYTES)} since the last prompt:"
    return "\n".join(first_fitting([heading, *lines], MAX_CHANGES_BYTES - len("\n… and 999 more")))


def unusable_text(error: WorkflowError) -> str:
    """What a session starts with where something stands in the way of its project."""
    return _short(f"workflow-mcp: {error}", MAX_ERROR_BYTES)


def status_line(overview: Overview) -> str:
    """`demo · 3 ready · #12 Fix login`: the project, how much can be claimed, and what the session holds."""
    parts = [_short(overview.project, MAX_STATUS_TITLE_BYTES)]
    if overview.counts is not None:
        parts.append(f"{overview.counts.ready} ready")
    if overview.held:
        first, *others = (held.item for held in overview.held)
        more = f" +{len(others)}" if others else ""
        parts.append(f"#{first.id} {_short(first.title, MAX_STATUS_TITLE_BYTES)}{more}")
    return " · ".join(parts)


def _amount(overview: Overview) -> str:
    if overview.counts is None:
        return ""
    return f", {counted(overview.counts)}" if overview.counts.total else ", no work items yet"


def _first(lines: list[str], most: int) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"… and {len(lines) - most + 1} more"]


def _line(item: ItemSummary, max_title: int = MAX_TITLE_BYTES) -> str:
    return f"#{item.id} {item.item_type} p{item.priority} {_short_quoted(item.title, max_title)}"


def _short(text: str, max_bytes: int) -> str:
    return cut(visible(text), max_bytes)


def _short_quoted(text: str, max_bytes: int) -> str:
    kept = cut(text, max_bytes - len('""'))
    while len((shown := quoted(kept)).encode()) > max_bytes:
        kept = f"{kept.removesuffix('…')[:-1]}…"
    return shown


def _held_line(held: HeldItem, now: datetime, max_title: int = MAX_TITLE_BYTES) -> str:
    if held.until is None:
        return _line(held.item, max_title)
    ended = held.until <= now
    until = f"{'claim ended' if ended else 'until'} {held.until:%Y-%m-%d %H:%M} UTC"
    return f"{_line(held.item, max_title)} ({until})"
