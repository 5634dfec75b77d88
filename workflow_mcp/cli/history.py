"""The command log, and entries of the history as lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter, validators

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Directory, Json, converted_id
from workflow_mcp.work.changed_fields import changes_text
from workflow_mcp.work.errors import at
from workflow_mcp.work.history import MAX_ENTRIES, Entry, HistoryQuery
from workflow_mcp.work.lines import cut
from workflow_mcp.work.text import quoted, visible
from workflow_mcp.workspace.work_items import WorkItems

MAX_CHANGES_BYTES = 300


def log(
    item_id: Annotated[
        int | None, Parameter(help="Of this work item only, deleted ones too.", converter=converted_id)
    ] = None,
    /,
    *,
    limit: Annotated[
        int, Parameter(help="The last so many changes.", validator=validators.Number(gte=1, lte=MAX_ENTRIES))
    ] = 50,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Show what was changed, when and by whom; the latest change last."""

    async def print_history(work: WorkItems) -> None:
        history = await work.history(HistoryQuery(item_id, limit=limit))
        if as_json:
            print_json([as_object(entry) for entry in history.entries])
        elif history.entries:
            print_entries(history.entries)
        else:
            print_text("Nothing has been changed yet.")

    with_work_items(directory, print_history)


def print_entries(entries: Iterable[Entry]) -> None:
    """Print a line for each entry; on a terminal in colours."""
    if sys.stdout.isatty():
        from workflow_mcp.cli.tables import print_history

        print_history((at(entry.at), _what(entry), _more(entry)) for entry in entries)
        return
    lines = [f"{at(entry.at)} {_what(entry)}{_more(entry)}" for entry in entries]
    if lines:
        print_text("\n".join(lines))


def as_object(entry: Entry) -> dict[str, Any]:
    """An entry as JSON."""
    return {**asdict(entry), "at": entry.at.isoformat()}


def _what(entry: Entry) -> str:
    return f"#{entry.item} {entry.action} by {visible(entry.actor)} {quoted(entry.title)}"


def _more(entry: Entry) -> str:
    return f" {visible(cut(changes_text(entry.changes), MAX_CHANGES_BYTES))}" if entry.changes else ""
