"""The command export."""

from __future__ import annotations

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import OutputError, discard, flush, print_json
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.workspace.work_items import WorkItems


def export(*, directory: Directory = ".") -> None:
    """Write all of the project's work items to stdout, one JSON object a line, for `import`."""

    async def print_records(work: WorkItems) -> None:
        try:
            async for record in work.export():
                print_json(record, indent=None)
            flush()
        except BrokenPipeError as error:
            discard()
            raise OutputError(error) from error

    with_work_items(directory, print_records)
