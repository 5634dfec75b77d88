"""The commands that list work items: list and ready."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

from workflow_mcp.cli.local import ACTOR, with_work_items
from workflow_mcp.cli.output import print_text
from workflow_mcp.cli.parameters import Directory, Json
from workflow_mcp.server.rows import page_text
from workflow_mcp.work.errors import limit_invalid
from workflow_mcp.work.lines import counted
from workflow_mcp.work.validation import MAX_LIMIT
from workflow_mcp.work.values import ItemPage, ItemQuery, ItemSummary, View
from workflow_mcp.workspace.work_items import WorkItems


def _limit(_type: type[int], tokens: Sequence[Token]) -> int:
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError as error:
        raise limit_invalid(token.value, MAX_LIMIT) from error


Label = Annotated[str | None, Parameter(help="Only those with this label.")]
Words = Annotated[str | None, Parameter(help="Only those with these words.")]
Limit = Annotated[int, Parameter(help="At most so many, up to 200.", converter=_limit)]


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
            from workflow_mcp.cli.details import print_whole

            print_whole(await work.list_whole(query))
        else:
            _print_page(work, await work.list(query))

    with_work_items(directory, print_list)


def ready(
    *, label: Label = None, text: Words = None, limit: Limit = 200, directory: Directory = ".", as_json: Json = False
) -> None:
    """List what can be claimed now, the most urgent first."""
    list_items(view="ready", label=label, text=text, limit=limit, directory=directory, as_json=as_json)


def _print_page(work: WorkItems, page: ItemPage[ItemSummary]) -> None:
    if sys.stdout.isatty():
        from workflow_mcp.cli.tables import print_table

        print_table(f"{work.data.project.name}: {counted(page.counts)}", page.items)
    else:
        print_text(page_text(work, page))
