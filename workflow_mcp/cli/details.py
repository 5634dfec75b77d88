"""Whole work items: the command show, and what list and ready print with --json."""

from __future__ import annotations

import math
from collections.abc import Iterator

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, ItemId, Json
from workflow_mcp.server.item_results import detail_result
from workflow_mcp.server.whole_items import WorkItemDetail, as_object, item_object
from workflow_mcp.work.text import plain_or_quoted, visible
from workflow_mcp.work.values import Item, ItemPage
from workflow_mcp.workspace.work_items import WorkItems

INDENT = " " * 4


def print_whole(page: ItemPage[Item]) -> None:
    """Print the items of a page, whole, as JSON."""
    print_json([item_object(item) for item in page.items])


def show(item_id: ItemId, /, *, directory: Directory = ".", as_json: Json = False) -> None:
    """Show one work item whole."""

    async def print_item(work: WorkItems) -> None:
        result = detail_result(work, await work.get(item_id), max_bytes=math.inf)
        if as_json:
            print_json(as_object(result))
        else:
            print_text("\n".join(_lines(result)))

    with_work_items(directory, print_item)


def _lines(result: WorkItemDetail) -> Iterator[str]:
    item = result.item
    yield f"#{item.id} {visible(item.title)}"
    yield f"{result.project}: {item.item_type}, priority {item.priority}, {item.state}, version {item.version}"
    if item.labels:
        yield f"labels: {', '.join(plain_or_quoted(label) for label in item.labels)}"
    if item.external_ref:
        yield f"external ref: {visible(item.external_ref)}"
    if item.assignee:
        until = f" until {item.claim_expires_at:%Y-%m-%d %H:%M} UTC" if item.claim_expires_at else ""
        yield f"assignee: {item.assignee}{until}"
    if item.description:
        yield f"\n{INDENT}{_indented(item.description)}\n"
    for name in ("acceptance", "evidence"):
        for line in getattr(item, name):
            yield f"{name}: {_indented(line)}"
    for name in ("ancestors", "not_ready", "links", "children", "notes", "events"):
        for line in getattr(result, name):
            yield f"{name.replace('_', ' ')}: {_indented(line)}"


def _indented(text: str) -> str:
    # Only what this program says begins a line.
    return text.replace("\n", f"\n{INDENT}")
