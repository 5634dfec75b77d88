"""The command tree: work items below each other."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from workflow_mcp.cli.answers import whole
from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json, converted_id
from workflow_mcp.work.lines import counted, row
from workflow_mcp.work.validation import MAX_LIMIT
from workflow_mcp.work.values import Counts, Item, ItemQuery
from workflow_mcp.workspace.work_items import WorkItems

INDENT = "  "


class Forest:
    """Items by the parents that they have among themselves."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = {item.id: item for item in items}
        self._below: defaultdict[int | None, list[int]] = defaultdict(list)
        for item in items:
            self._below[item.parent if item.parent in self._items else None].append(item.id)

    def rows(self, top: int | None) -> Iterator[tuple[int, Item]]:
        """An item and all below it, or all items, each with its depth and before what is below it."""
        waiting = [(0, one) for one in reversed(self._below[None] if top is None else [top])]
        while waiting:
            depth, item_id = waiting.pop()
            yield depth, self._items[item_id]
            waiting += [(depth + 1, one) for one in reversed(self._below[item_id])]

    def nested(self, top: int | None) -> list[dict[str, Any]]:
        """The same as JSON, each item with those below it."""
        path: list[list[dict[str, Any]]] = [[]]
        for depth, item in self.rows(top):
            told = {**whole(item), "children": []}
            path[depth].append(told)
            path[depth + 1 :] = [told["children"]]
        return path[0]


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
        forest = Forest(shown)
        if as_json:
            print_json(forest.nested(item_id))
        else:
            _print(work, forest.rows(item_id), counts)

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


def _print(work: WorkItems, rows: Iterable[tuple[int, Item]], counts: Counts) -> None:
    heading = f"{work.data.project.name}: {counted(counts)}"
    if sys.stdout.isatty():
        from workflow_mcp.cli.tables import print_tree

        print_tree(heading, rows)
    else:
        print_text("\n".join((heading, *(f"{INDENT * (depth + 1)}{row(item)}" for depth, item in rows))))
