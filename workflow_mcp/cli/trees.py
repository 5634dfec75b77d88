"""The command tree: work items below each other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json, converted_id
from workflow_mcp.server.whole_items import item_object
from workflow_mcp.work.lines import counted, row
from workflow_mcp.work.trees import INDENT, depth_first
from workflow_mcp.work.validation import MAX_LIMIT
from workflow_mcp.work.values import Counts, Item, ItemQuery
from workflow_mcp.workspace.work_items import WorkItems


def tree(
    item_id: Annotated[
        int | None, Parameter(help="The one at the top; default: all of the project.", converter=converted_id)
    ] = None,
    /,
    *,
    view: Annotated[Literal["open", "all"], Parameter(help="open: without what is finished; all: with it.")] = "open",
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Show work items below those that they belong to."""

    async def print_tree(work: WorkItems) -> None:
        if item_id is not None:
            await work.get(item_id)  # refuses one that is not there
        items, counts = await every_item(work, "all" if item_id is not None else view)
        shown = [item for item in items if view == "all" or item.completed_at is None or item.id == item_id]
        by_id = {item.id: item for item in shown}
        places = depth_first({item.id: item.parent for item in shown}, item_id)
        rows = [(place.depth, by_id[place.id]) for place in places]
        if as_json:
            print_json(_nested(rows))
        else:
            _print(work, rows, counts)

    with_work_items(directory, print_tree)


async def every_item(work: WorkItems, view: str) -> tuple[list[Item], Counts]:
    """All items of a view, by id, and how many are in each state."""
    query = ItemQuery(view, limit=MAX_LIMIT)
    page = await work.list_whole(query)
    found = {item.id: item for item in page.items}
    while page.next_cursor is not None:
        page = await work.list_whole(replace(query, cursor=page.next_cursor))
        found |= {item.id: item for item in page.items}
    return [found[item_id] for item_id in sorted(found)], page.counts


def _nested(rows: Iterable[tuple[int, Item]]) -> list[dict[str, Any]]:
    """The rows as JSON, each item with those below it."""
    path: list[list[dict[str, Any]]] = [[]]
    for depth, item in rows:
        told = {**item_object(item), "children": []}
        path[depth].append(told)
        path[depth + 1 :] = [told["children"]]
    return path[0]


def _print(work: WorkItems, rows: Iterable[tuple[int, Item]], counts: Counts) -> None:
    heading = f"{work.data.project.name}: {counted(counts)}"
    if sys.stdout.isatty():
        from workflow_mcp.cli.tables import print_tree

        print_tree(heading, rows)
    else:
        print_text("\n".join((heading, *(f"{INDENT * (depth + 1)}{row(item)}" for depth, item in rows))))
