"""Work items as text: one line an item, because that is what a model pays for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile

from workflow_mcp.work.values import Counts, Item, ItemPage, ItemSummary, ProjectPage, ProjectRef

ROW_OVERHEAD = 40
MAX_ANSWER_BYTES = 20_000
FIRST_LINE = 400  # with counts and a cursor, but without the name of the project
PROBLEMS = 4_000


def row(item: ItemSummary) -> str:
    """`#12 task p1 ready  Fix login  @ana`: at most 40 bytes beyond the title; a long name is cut."""
    head = f"#{item.id} {item.item_type} p{item.priority} {item.state}  "
    holder = _cut(item.assignee or "", ROW_OVERHEAD - len(head) - len("  @"))
    return f"{head}{item.title}  @{holder}" if holder else head + item.title


def _cut(text: str, most: int) -> str:
    data = text.encode()
    if len(data) <= most:
        return text
    kept = data[: max(most - len("…".encode()), 0)].decode(errors="ignore")
    return f"{kept}…" if kept else ""


def heading(project: ProjectRef, *parts: str) -> str:
    """The first line of every answer that touched a project."""
    return " | ".join((f"project: {project.name}", *parts))


def counted(counts: Counts) -> str:
    """How many items are in which state."""
    return (
        f"{counts.ready} ready, {counts.in_progress} in progress, {counts.blocked} blocked, "
        f"{counts.done} done of {counts.total}"
    )


def page_text(project: ProjectRef, page: ItemPage[ItemSummary], told: Sequence[str], note: str | None) -> str:
    """A page of items, each told by its row."""
    parts = [counted(page.counts), f"{len(told)} shown"]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    return lines(heading(project, *parts), told, note)


def room_for_rows(project: ProjectRef, note: str | None) -> int:
    """The bytes that a first line, with counts and a cursor, and a note leave of 20 kB."""
    return MAX_ANSWER_BYTES - FIRST_LINE - len(project.name.encode()) - len((note or "").encode())


def that_fit(told: Iterable[str], room: int) -> int:
    """How many lines, from the first on, take no more than `room` bytes."""
    taken = accumulate(len(line.encode()) + 1 for line in told)
    return sum(1 for _ in takewhile(lambda size: size <= room, taken))


def changed_text(
    project: ProjectRef, what: str, items: Sequence[Item], ready: Sequence[ItemSummary], note: str | None
) -> str:
    """What a change did, item by item, and what became ready by it; of each as much as fits."""
    room = room_for_rows(project, note)
    told = as_fits([f"{row(item)}  v{item.version}" for item in items], room // 2 if ready else room)
    if ready:
        told += ["now ready:", *as_fits([row(item) for item in ready], room // 2)]
    return lines(heading(project, what), told, note)


def as_fits(told: list[str], room: int) -> list[str]:
    """The lines as far as `room` bytes go, and how many more there are."""
    fitting = that_fit(told, room)
    return told if fitting == len(told) else [*told[:fitting], f"… and {len(told) - fitting} more"]


def projects_text(page: ProjectPage, current: str | None) -> str:
    """A page of projects, the caller's own marked."""
    parts = [f"projects: {len(page.projects)} shown"]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    problems = as_fits([f"! {problem}" for problem in page.problems], PROBLEMS)
    told = [f"{one.name}  {one.id}{'  (yours)' if one.id == current else ''}" for one in page.projects]
    return lines(" | ".join(parts), [*told, *problems], None)


def lines(first: str, rest: Iterable[str], note: str | None) -> str:
    """The lines of an answer, and a note at its end."""
    return "\n".join((first, *rest, *(() if note is None else (note,))))
