"""Work items as text: one line an item, because that is what a model pays for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workflow_mcp.store import Counts, Item, ItemPage, ProjectPage, ProjectRef

ROW_OVERHEAD = 40
MOST_BYTES = 20_000


def row(item: Item) -> str:
    """`#12 task p1 ready  Fix login  @ana`: at most 40 bytes beyond the title; a long name is cut."""
    head = f"#{item.id} {item.item_type} p{item.priority} {item.state}  "
    if item.assignee is None:
        return head + item.title
    room = ROW_OVERHEAD - len(head) - len("  @")
    return f"{head}{item.title}  @{_cut(item.assignee, room)}" if room > 0 else head + item.title


def _cut(text: str, most: int) -> str:
    data = text.encode()
    if len(data) <= most:
        return text
    return data[: max(most - len("…".encode()), 0)].decode(errors="ignore") + "…"


def heading(project: ProjectRef, *parts: str) -> str:
    """The first line of every answer that touched a project."""
    return " | ".join((f"project: {project.name}", *parts))


def counted(counts: Counts) -> str:
    """How many items are in which state."""
    return (
        f"{counts.ready} ready, {counts.in_progress} in progress, {counts.blocked} blocked, "
        f"{counts.done} done of {counts.total}"
    )


def page_text(project: ProjectRef, page: ItemPage, note: str | None) -> str:
    """A page of items."""
    parts = [counted(page.counts), f"{len(page.items)} shown"]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    return lines(heading(project, *parts), (row(item) for item in page.items), note)


def rows_that_fit(items: Sequence[Item]) -> int:
    """How many of the items' rows stay within 20 kB together with a first line."""
    room = MOST_BYTES - 1000
    for number, item in enumerate(items):
        room -= len(row(item).encode()) + 1
        if room < 0:
            return number
    return len(items)


def changed_text(project: ProjectRef, what: str, items: Sequence[Item], ready: Sequence[Item], note: str | None) -> str:
    """What a change did, item by item as far as they fit, and what became ready by it."""
    fitting = items[: rows_that_fit(items)]
    told = [row(item) + f"  v{item.version}" for item in fitting]
    if len(fitting) < len(items):
        told.append(f"… and {len(items) - len(fitting)} more")
    if ready:
        told.append("now ready:")
        told.extend(row(item) for item in ready[:20])
    return lines(heading(project, what), told, note)


def projects_text(page: ProjectPage, current: str | None) -> str:
    """A page of projects, the caller's own marked."""
    parts = [f"projects: {len(page.projects)} shown"]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    told = [f"{one.name}  {one.id}{'  (yours)' if one.id == current else ''}" for one in page.projects]
    return lines(" | ".join(parts), [*told, *(f"! {problem}" for problem in page.problems)], None)


def lines(first: str, rest: Iterable[str], note: str | None) -> str:
    """The lines of an answer, and a note at its end."""
    return "\n".join((first, *rest, *(() if note is None else (note,))))
