"""Work items as text, one short line each, and cutting lines to a number of bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate, takewhile

from workflow_mcp.work.text import quoted, visible
from workflow_mcp.work.values import Counts, ItemSummary

ENCODER = json.JSONEncoder(ensure_ascii=False)  # making one takes longer than to use it
ROW_OVERHEAD = 40
MAX_SHOWN_WAITS = 3


def row(item: ItemSummary, *marks: str) -> str:
    """`#12 task p1 ready "Fix login" @ana`: at most 40 bytes beyond the title and the marks; a long name is cut.

    After it stands how long a claim still runs, `, 54m left`, or what a blocked item waits for, ` <#4,#7`; no name has
    a comma or a `<`. What stands between the quotes is the title, whatever it says; `marks` stand before it.
    """
    head = f"#{item.id} {item.item_type} p{item.priority} {item.state} "
    name = item.assignee and _short_name(visible(item.assignee), ROW_OVERHEAD - len(head) - len('"" @'))
    return f"{head}{''.join(f'{mark} ' for mark in marks)}{quoted(item.title)}{f' @{name}' if name else ''}{_why(item)}"


def _why(item: ItemSummary) -> str:
    waits, left = waits_for(item), time_left(item)
    return f" {waits}" if waits else f", {left}" if left else ""


def waits_for(item: ItemSummary) -> str:
    """What a blocked item waits for, as in `<#4,#7`; empty for any other."""
    if not item.waits_for:
        return ""
    shown = ",".join(f"#{one}" for one in item.waits_for[:MAX_SHOWN_WAITS])
    return f"<{shown}{'…' if len(item.waits_for) > MAX_SHOWN_WAITS else ''}"


def time_left(item: ItemSummary) -> str:
    """How long the claim of an item in progress still runs, as in `54m left`; empty for any other."""
    if item.lease_left is None or item.state != "in_progress":
        return ""
    return f"{_duration(item.lease_left)} left"


def _duration(left: timedelta) -> str:
    """In the largest of minutes, hours and days of which there are at least two; never more than there is."""
    minutes = int(left.total_seconds() // 60)
    hours, days = minutes // 60, minutes // (24 * 60)
    return f"{days}d" if days > 1 else f"{hours}h" if hours > 1 else f"{minutes}m"


def text_size(text: str) -> int:
    """The bytes a text takes in a message, quotes included."""
    return len(ENCODER.encode(text).encode())


def _short_name(name: str, max_bytes: int) -> str:
    """Of a subagent's name that is too long both ends: it begins like its siblings', and ends in digits of its own."""
    head = cut(name, max_bytes // 2)
    if "/" not in name or len(name.encode()) <= max_bytes or not head:
        return cut(name, max_bytes)
    return head + name.encode()[len(head.encode()) - max_bytes :].decode(errors="ignore")


def cut(text: str, max_bytes: int) -> str:
    """The text, cut to `max_bytes` and ended with `…` when it is longer; empty when not even that fits."""
    data = text.encode()
    if len(data) <= max_bytes:
        return text
    kept = data[: max(max_bytes - len("…".encode()), 0)].decode(errors="ignore")
    return f"{kept}…" if kept else ""


def counted(counts: Counts) -> str:
    """How many items are in each state, as text."""
    return (
        f"{counts.ready} ready, {counts.in_progress} in progress, {counts.blocked} blocked, "
        f"{counts.done} done of {counts.total}"
    )


def count_fitting(lines: Sequence[str], room: int) -> int:
    """How many of the first lines fit into `room` bytes of a message."""
    if text_size("".join(lines)) + len('""') * len(lines) <= room:
        return len(lines)
    taken = accumulate(text_size(line) for line in lines)
    return sum(1 for _ in takewhile(lambda size: size <= room, taken))


def first_fitting(lines: list[str], room: int) -> list[str]:
    """The first lines, as many as fit into `room` bytes, and a line with the number of the others."""
    fitting = count_fitting(lines, room)
    return lines if fitting == len(lines) else [*lines[:fitting], f"… and {len(lines) - fitting} more"]
