"""What a command says of the work items that it changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.server.whole_items import item_object
from workflow_mcp.work.lines import row
from workflow_mcp.work.results import UpdateResult
from workflow_mcp.work.values import ItemSummary
from workflow_mcp.workspace.work_items import WorkItems


def print_changes(work: WorkItems, what: str, result: UpdateResult, *, as_json: bool, **more: Any) -> None:
    """Print what was done to which items, and what became ready through it.

    Args:
        work: the work items of the project.
        what: what was done, as in "added 1".
        result: the items.
        as_json: print JSON instead.
        more: further keys of the JSON.
    """
    ids = {item.id for item in result.items}
    ready = [item for item in result.became_ready if item.id not in ids]
    if as_json:
        told = {"items": [item_object(item) for item in result.items], "became_ready": [asdict(item) for item in ready]}
        print_json({"project": work.data.project.name, "actor": work.actor.name, **more, **told, **_note(work)})
        return
    print_text(f"{work.data.project.name}: {what}")
    print_rows(result.items)
    if ready:
        print_text("now ready:")
        print_rows(ready)
    if work.data.note is not None:
        print_text(work.data.note)


def print_rows(items: Sequence[ItemSummary]) -> None:
    """Print a line for each item; on a terminal in colours."""
    if not items:
        return
    if sys.stdout.isatty():
        from workflow_mcp.cli.tables import print_coloured

        print_coloured(items)
    else:
        print_text("\n".join(_rows(items)))


def _rows(items: Sequence[ItemSummary]) -> Iterator[str]:
    return (f"  {row(item)}" for item in items)


def _note(work: WorkItems) -> dict[str, str]:
    return {} if work.data.note is None else {"note": work.data.note}
