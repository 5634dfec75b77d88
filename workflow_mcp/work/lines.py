"""Work items as lines of text, and as many lines as go into so many bytes: that is what a model pays for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, takewhile

from workflow_mcp.work.values import Counts, ItemSummary

ROW_OVERHEAD = 40


def row(item: ItemSummary) -> str:
    """`#12 task p1 ready  Fix login  @ana`: at most 40 bytes beyond the title; a long name is cut."""
    head = f"#{item.id} {item.item_type} p{item.priority} {item.state}  "
    holder = cut(item.assignee or "", ROW_OVERHEAD - len(head) - len("  @"))
    return f"{head}{item.title}  @{holder}" if holder else head + item.title


def cut(text: str, max_bytes: int) -> str:
    """The text as far as so many bytes go, and `…` where it was longer; empty where not even that fits."""
    data = text.encode()
    if len(data) <= max_bytes:
        return text
    kept = data[: max(max_bytes - len("…".encode()), 0)].decode(errors="ignore")
    return f"{kept}…" if kept else ""


def counted(counts: Counts) -> str:
    """How many items are in which state."""
    return (
        f"{counts.ready} ready, {counts.in_progress} in progress, {counts.blocked} blocked, "
        f"{counts.done} done of {counts.total}"
    )


def count_fitting(lines: Iterable[str], room: int) -> int:
    """How many lines, from the first on, take no more than `room` bytes."""
    taken = accumulate(len(line.encode()) + 1 for line in lines)
    return sum(1 for _ in takewhile(lambda size: size <= room, taken))


def as_fits(lines: list[str], room: int) -> list[str]:
    """The lines as far as `room` bytes go, and how many more there are."""
    fitting = count_fitting(lines, room)
    return lines if fitting == len(lines) else [*lines[:fitting], f"… and {len(lines) - fitting} more"]
