"""Trees of work items as text: one line each, indented below what it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflow_mcp.server.fitting import MAX_HINT_BYTES
from workflow_mcp.server.rows import room_for, rows_text
from workflow_mcp.work.lines import count_fitting, row
from workflow_mcp.work.trees import INDENT, Place, Tree
from workflow_mcp.work.values import ItemQuery
from workflow_mcp.workspace.work_items import WorkItems


async def tree_text(work: WorkItems, query: ItemQuery) -> str:
    """As much of a tree as fits into 20 kB.

    The cursor leads to more items at its top; what does not fit below the last of them is counted in a last line, with
    the call that lists it.
    """
    room = room_for(work)
    while True:
        tree = await work.tree(query)
        rows = [f"{INDENT * place.depth}{row(item)}" for place, item in zip(tree.places, tree.page.items, strict=False)]
        if len(rows) == len(tree.places) and count_fitting(rows, room) == len(rows):
            return rows_text(work, tree.page, rows)
        kept = count_fitting(rows, room - MAX_HINT_BYTES)
        if all(place.depth for place in tree.places[kept:]):
            return _cut_text(work, tree, rows[:kept])
        # Read again for the cursor, as every list is.
        query = replace(query, limit=sum(not place.depth for place in tree.places[:kept]))


def _cut_text(work: WorkItems, tree: Tree, rows: list[str]) -> str:
    shown = replace(tree.page, items=tree.page.items[: len(rows)])
    return rows_text(work, shown, [*rows, _left_out(tree.places[len(rows) :])])


def _left_out(places: Sequence[Place]) -> str:
    above = min(places, key=lambda place: place.depth).parent
    return f'… {len(places)} more below #{above}: list_work_items(view="tree", parent={above})'
