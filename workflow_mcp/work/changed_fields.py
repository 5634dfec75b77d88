"""The changed fields of an event as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workflow_mcp.work.errors import at
from workflow_mcp.work.text import plain_or_quoted

MAX_SHOWN_VALUE = 60


def changes_text(changes: Mapping[str, object]) -> str:
    """Each changed field with what it was and what it is, as in `status: pending -> in_progress`."""
    return ", ".join(f"{name}: {_change(_with_times(name, change))}" for name, change in changes.items())


def _with_times(field: str, change: object) -> object:
    """A change, its times in the format of answers; events hold them as text."""
    if not field.endswith("_at") or not isinstance(change, list):
        return change
    return [_time_or_value(value) for value in change]


def _time_or_value(value: object) -> object:
    try:
        return at(datetime.fromisoformat(str(value)))
    except ValueError:
        return value  # imported events can have any text


def _change(change: object) -> str:
    match change:
        case [None, new]:
            return _short(new)
        case [old, None]:
            return f"{_short(old)} -> nothing"
        case [old, new]:
            return f"{_short(old)} -> {_short(new)}"
        case _:
            return _short(change)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    short = text if len(text) <= MAX_SHOWN_VALUE else f"{text[: MAX_SHOWN_VALUE - 1]}…"
    return plain_or_quoted(short) if isinstance(value, str) else short
