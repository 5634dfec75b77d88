"""The command export."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Literal

from cyclopts import Parameter

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import OutputError, discard, flush, print_json, print_text
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.formats.snapshot import Snapshot
from workflow_mcp.workspace.work_items import WorkItems

Format = Literal["jsonl", "markdown", "mermaid", "csv"]
WRITERS = {"markdown": "markdown:markdown", "mermaid": "mermaid:mermaid", "csv": "table:table"}


def export(
    *,
    to: Annotated[
        Format,
        Parameter(name="--format", help="jsonl: all there is, for `import`; the others leave out what was deleted."),
    ] = "jsonl",
    directory: Directory = ".",
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="The same as --format jsonl.")] = False,
) -> None:
    """Write all of the project's work items to stdout, as JSON Lines for `import`, or for people.

    The same work gives the same bytes, so that it can be kept in git.
    """

    if as_json and to != "jsonl":
        raise UsageError(Code.ARGUMENT_INVALID, f"--json and --format {to}.", "leave one of them out.")

    async def print_work(work: WorkItems) -> None:
        try:
            await (_print_records(work) if to == "jsonl" else _print_document(work, WRITERS[to]))
            flush()
        except BrokenPipeError as error:
            discard()
            raise OutputError(error) from error

    with_work_items(directory, print_work)


async def _print_records(work: WorkItems) -> None:
    async for record in work.export():
        print_json(record, indent=None)


async def _print_document(work: WorkItems, writer: str) -> None:
    snapshot = Snapshot()
    async for record in work.export():
        snapshot.add(record)
    module, _, name = writer.partition(":")
    write: Callable[[Snapshot], str] = getattr(import_module(f"workflow_mcp.work.formats.{module}"), name)
    print_text(write(snapshot))
