"""The commands that show work items: list, ready and show."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

from cyclopts import Parameter, Token
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workflow_mcp.cli.local import ACTOR, with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.server import rows
from workflow_mcp.server.item_results import detail_result, item_result
from workflow_mcp.server.results import WorkItemDetail
from workflow_mcp.work.errors import limit_invalid
from workflow_mcp.work.lines import counted
from workflow_mcp.work.text import plain_or_quoted, visible
from workflow_mcp.work.validation import MAX_LIMIT, parse_id
from workflow_mcp.work.values import ItemPage, ItemQuery, ItemSummary, View
from workflow_mcp.workspace.work_items import WorkItems

INDENT = " " * 4
STYLES = {"ready": "green", "in_progress": "yellow", "blocked": "red", "completed": "dim", "cancelled": "dim"}


def _limit(_type: type[int], tokens: Sequence[Token]) -> int:
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError as error:
        raise limit_invalid(token.value, MAX_LIMIT) from error


def _item_id(_type: type[int], tokens: Sequence[Token]) -> int:
    (token,) = tokens
    item_id = parse_id(token.value)
    if item_id is None:
        raise UsageError(
            Code.ARGUMENT_INVALID,
            f"{shown(token.value)} is not the number of a work item.",
            "run `workflow-mcp list --view all` for those there are.",
        )
    return item_id


Directory = Annotated[str, Parameter(help="A directory of the project; default: where you are.")]
Label = Annotated[str | None, Parameter(help="Only those with this label.")]
Words = Annotated[str | None, Parameter(help="Only those with these words.")]
Limit = Annotated[int, Parameter(help="At most so many, up to 200.", converter=_limit)]
ItemId = Annotated[int, Parameter(help="Its number.", converter=_item_id)]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]


def list_items(
    *,
    view: Annotated[View, Parameter(help="Which items.")] = "open",
    label: Label = None,
    text: Words = None,
    limit: Limit = 200,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """List the project's work items."""
    query = ItemQuery(view=view, label=label, text=text, limit=limit, actor=ACTOR)

    async def print_list(work: WorkItems) -> None:
        if as_json:
            whole = await work.list_whole(query)
            print_json([item_result(item).model_dump(mode="json") for item in whole.items])
        else:
            _print_page(work, await work.list(query))

    with_work_items(directory, print_list)


def ready(
    *, label: Label = None, text: Words = None, limit: Limit = 200, directory: Directory = ".", as_json: Json = False
) -> None:
    """List what can be claimed now, the most urgent first."""
    list_items(view="ready", label=label, text=text, limit=limit, directory=directory, as_json=as_json)


def show(item_id: ItemId, /, *, directory: Directory = ".", as_json: Json = False) -> None:
    """Show one work item whole."""

    async def print_item(work: WorkItems) -> None:
        result = detail_result(work, await work.get(item_id), max_bytes=math.inf)
        if as_json:
            print_json(result.model_dump(mode="json"))
        else:
            print_text("\n".join(_lines(result)))

    with_work_items(directory, print_item)


def _lines(result: WorkItemDetail) -> Iterator[str]:
    item = result.item
    yield f"#{item.id} {visible(item.title)}"
    yield f"{result.project}: {item.item_type}, priority {item.priority}, {item.state}, version {item.version}"
    if item.labels:
        yield f"labels: {', '.join(plain_or_quoted(label) for label in item.labels)}"
    if item.assignee:
        until = f" until {item.claim_expires_at:%Y-%m-%d %H:%M} UTC" if item.claim_expires_at else ""
        yield f"assignee: {item.assignee}{until}"
    if item.description:
        yield f"\n{INDENT}{_indented(item.description)}\n"
    for name in ("ancestors", "not_ready", "links", "children", "notes", "events"):
        for line in getattr(result, name):
            yield f"{name.replace('_', ' ')}: {_indented(line)}"


def _indented(text: str) -> str:
    # Only what this program says begins a line.
    return text.replace("\n", f"\n{INDENT}")


def _table(title: str, items: Sequence[ItemSummary]) -> Table:
    table = Table("#", "type", "p", "state", "title", "assignee", title=Text(visible(title)))
    for item in items:
        state = Text(item.state, style=STYLES.get(item.state, ""))
        told = (Text(visible(text)) for text in (item.title, item.assignee or ""))
        table.add_row(str(item.id), item.item_type, str(item.priority), state, *told)
    return table


def _print_page(work: WorkItems, page: ItemPage[ItemSummary]) -> None:
    if sys.stdout.isatty():
        Console().print(_table(f"{work.data.project.name}: {counted(page.counts)}", page.items))
    else:
        print_text(rows.page_text(work, page))
