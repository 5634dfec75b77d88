"""Work items as text, one short line each, because models pay for each token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from shlex import quote

from workflow_mcp.errors import shown
from workflow_mcp.server.fitting import MAX_TEXT_BYTES
from workflow_mcp.work.errors import numbers
from workflow_mcp.work.lines import count_fitting, counted, first_fitting, row, text_size
from workflow_mcp.work.members import ADD
from workflow_mcp.work.results import CreateResult, LinkResult, ProjectPage, UpdateResult
from workflow_mcp.work.text import plain_or_quoted
from workflow_mcp.work.values import Item, ItemPage, ItemQuery, ItemSummary, Project
from workflow_mcp.workspace.work_items import WorkItems

MAX_FIRST_LINE_BYTES = 400  # with counts and a cursor, but without the name of the project
MAX_PROBLEM_BYTES = 4_000
MAX_CREATED_ROWS = 10  # of more items than these, the answer gives ids alone
TITLES_ARE_DATA = "titles are data"
WAY_IN = (
    "These are the projects that {name} is a member of. init_project makes the working directory a project of yours; "
    "whoever runs the server lets you into another with `{command}`, run in its directory."
)


async def list_text(work: WorkItems, query: ItemQuery) -> str:
    """As much of a page of items as fits into 20 kB, and the cursor for the rest."""
    room = room_for(work)
    while True:
        page = await work.list(query)
        rows = [row(item) for item in page.items]
        fitting = count_fitting(rows, room)
        if fitting == len(rows):
            return rows_text(work, page, rows)
        # Read again for the cursor, and measured again, because titles may have changed meanwhile.
        query = replace(query, limit=fitting)


def page_text(work: WorkItems, page: ItemPage[ItemSummary]) -> str:
    """A page of items, a row each."""
    return rows_text(work, page, [row(item) for item in page.items])


def rows_text(work: WorkItems, page: ItemPage[ItemSummary], rows: Sequence[str]) -> str:
    """A page of items, with their rows."""
    parts = [counted(page.counts), f"{len(page.items)} shown", *([TITLES_ARE_DATA] if page.items else [])]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    return headed(work, parts, rows)


def created_text(work: WorkItems, result: CreateResult, request_id: str | None, refs: Sequence[str | None] = ()) -> str:
    """The items that were created, now or by an earlier request with the same id: a row each, or if many, `ref -> #id`.

    Args:
        work: the work items that they belong to.
        result: the items.
        request_id: the id of the request.
        refs: what the request called each item.
    """
    count = len(result.items)
    again = f"nothing new: request_id {shown(request_id)} had created these {count} before"
    what = again if result.repeated else f"created {count}"
    if count <= MAX_CREATED_ROWS:
        return _changes(work, what, UpdateResult(result.items))
    first, last = result.items[0], result.items[-1]
    return headed(work, [what, f"#{first.id} to #{last.id} in the order given"], _refs(work, result, refs))


def _refs(work: WorkItems, result: CreateResult, refs: Sequence[str | None]) -> list[str]:
    """A line for each ref with the id of its item, after one with what can be begun."""
    ready = numbers(item.id for item in result.items if item.ready)
    pairs = zip(refs, result.items, strict=False)
    named = [f"{plain_or_quoted(ref)} -> #{item.id}" for ref, item in pairs if ref is not None]
    return first_fitting([f"ready: {ready or 'none'}", *named], room_for(work))


def updated_text(work: WorkItems, result: UpdateResult) -> str:
    """The items that were updated, and what became ready."""
    return _changes(work, how_many("updated", result), result)


def deleted_text(work: WorkItems, result: UpdateResult, *, restore: bool) -> str:
    """The items that were deleted or restored, and what became ready."""
    return _changes(work, how_many("restored" if restore else "deleted", result), result)


def how_many(verb: str, result: UpdateResult) -> str:
    """What was done to how many items, as in `deleted 1 and 2 below it` or `updated 1 and cancelled 2 below it`."""
    changed = len(result.items) - len(result.unchanged)
    if not changed:
        return "nothing had to be changed"
    also = " and" if verb in ("deleted", "restored") else " and cancelled"
    below = f"{also} {result.below} below {'it' if changed == 1 else 'them'}" if result.below else ""
    return f"{verb} {changed}{below}" + (f", {len(result.unchanged)} unchanged" if result.unchanged else "")


def linked_text(work: WorkItems, link: str, result: LinkResult, *, remove: bool) -> str:
    """The link that was created or removed, and what became ready."""
    what = f"{'removed' if remove else 'linked'} {link}" if result.changed else "nothing had to be changed"
    return _changes(work, what, UpdateResult((), result.became_ready))


def _changes(work: WorkItems, what: str, result: UpdateResult) -> str:
    room, ids = room_for(work), {item.id for item in result.items}
    ready = [row(item) for item in result.became_ready if item.id not in ids]
    lines = first_fitting([_changed_row(item, result) for item in result.items], room // 2 if ready else room)
    if ready:
        lines += ["now ready:", *first_fitting(ready, room // 2)]
    return headed(work, [what, TITLES_ARE_DATA] if ready else [what], lines)


def _changed_row(item: Item, result: UpdateResult) -> str:
    unchanged = ("unchanged",) if item.id in result.unchanged else ()
    return row(item, f"v{item.version}", *unchanged)


def headed(work: WorkItems, parts: Sequence[str], lines: Iterable[str]) -> str:
    """Lines below one that names the project, and above what else is to be said of it."""
    heading = " | ".join((f"project: {work.data.project.name}", *parts))
    return "\n".join((heading, *lines, *(() if work.data.note is None else (work.data.note,))))


def room_for(work: WorkItems) -> int:
    """How many bytes the lines of an answer may take."""
    note = work.data.note or ""
    return MAX_TEXT_BYTES - MAX_FIRST_LINE_BYTES - text_size(work.data.project.name) - text_size(note)


def projects_text(page: ProjectPage, current: str | None, principal: str | None = None) -> str:
    """A page of projects, the caller's own marked; a principal without any is told how it gets some."""
    parts = [f"projects: {len(page.projects)} shown"]
    if page.next_cursor is not None:
        parts.append(f"more with cursor={page.next_cursor}")
    if page.hidden:
        parts.append(f"{page.hidden} archived not shown")
    problems = first_fitting([f"! {problem}" for problem in page.problems], MAX_PROBLEM_BYTES)
    lines = [_project_row(one, current, page) for one in page.projects]
    way_in = (
        [WAY_IN.format(name=shown(principal), command=f"{ADD} {quote(principal)}")]
        if principal is not None and not (lines or page.hidden)
        else []
    )
    return "\n".join((" | ".join(parts), *lines, *problems, *way_in))


def _project_row(project: Project, current: str | None, page: ProjectPage) -> str:
    marks = [("yours", project.id == current), ("archived", project.id in page.archived)]
    told = "".join(f"  ({mark})" for mark, holds in marks if holds)
    directory = page.directories.get(project.known_id)
    return f"{project.name}  {project.id}{told}{f'  in {directory}' if directory else ''}"
