"""Cutting texts and lists to a number of bytes of a message, with a hint how to read the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import Any

from workflow_mcp.work.lines import text_size

MAX_HINT_BYTES = 120  # of the hint how to read the rest
MAX_ANSWER_BYTES = 20_000  # of a whole message
MAX_TEXT_BYTES = 19_500  # of the text in it

json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def size_of(value: Any) -> int:
    """The number of bytes of a value in a message whose text is that value as JSON: quotes are escaped twice."""
    return text_size(json_text(value))


def fitting_text(text: str, room: float, *, start: int, read_on: str) -> str:
    """As much of a text as fits, beginning at `start`.

    Args:
        text: the whole text.
        room: the maximum number of bytes.
        start: the index of the first character.
        read_on: the call that reads the rest, up to the value of its last argument, the index to begin at.
    """
    rest = text[start:]
    if start and not rest:
        return f"… the text ends at {len(text)}"
    if size_of(rest) <= room:
        return rest
    end = _longest(rest, room - MAX_HINT_BYTES)
    return f"{rest[:end]}\n… {len(rest) - end} more characters: {read_on}{start + end})"


def _longest(text: str, room: float) -> int:
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size_of(text[:middle]) <= room else (low, middle - 1)
    return low


def first_lines(lines: list[str], room: float, *, total: int | None = None, read_on: str = "") -> list[str]:
    """The lines from the first on that fit, and how many more there are of `total`, by default of these."""
    missing = 0 if total is None else total - len(lines)
    if size_of(lines) <= room and not missing:
        return lines
    kept = _count_fitting(lines, room - MAX_HINT_BYTES)
    return [*lines[:kept], f"… and {len(lines) - kept + missing} more{read_on}"]


def lines_from(lines: list[str], room: float, *, start: int, read_on: str) -> list[str]:
    """As many lines as fit, beginning with number `start`, counted from 1.

    Args:
        lines: all lines.
        room: the maximum number of bytes.
        start: the number of the first line.
        read_on: the call that reads the rest, up to the value of its last argument, the number to begin at.
    """
    rest = lines[start - 1 :]
    if size_of(rest) <= room:
        return rest
    kept = _count_fitting(rest, room - MAX_HINT_BYTES)
    return [*rest[:kept], f"… and {len(rest) - kept} more: {read_on}{start + kept})"]


def last_lines(lines: list[str], room: float) -> list[str]:
    """The last lines, as many as fit, after a line with the number of the others."""
    if size_of(lines) <= room:
        return lines
    kept = count_last(lines, room - MAX_HINT_BYTES)
    return [f"… {len(lines) - kept} earlier ones are left out", *lines[len(lines) - kept :]]


def count_last(lines: Sequence[str], room: float) -> int:
    """How many of the last lines fit."""
    return _count_fitting(lines[::-1], room)


def _count_fitting(lines: Sequence[str], room: float) -> int:
    taken = accumulate(size_of(line) + 1 for line in lines)
    return sum(1 for _ in takewhile(lambda size: size <= room, taken))
