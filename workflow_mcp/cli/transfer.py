"""The commands export and import."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import OutputError, discard, flush, print_json
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.errors import Code, UsageError
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


def read(
    file: Annotated[str, Parameter(allow_leading_hyphen=True, help="What export wrote.")],
    /,
    *,
    directory: Directory = ".",
) -> None:
    """Add exported work items to the project, all or none; `-` reads stdin. Ids are kept where they are free."""

    async def import_file(work: WorkItems) -> None:
        result = await work.import_records(await asyncio.to_thread(lambda: list(_records(file))))
        renumbered = ", ".join(f"#{old} is #{new}" for old, new in result.renumbered.items())
        name = work.data.project.name
        print(f"{result.items} items imported into {name}{': ' + renumbered if renumbered else ''}")

    with_work_items(directory, import_file, create=True)


def _records(file: str) -> Iterator[dict[str, Any]]:
    try:
        with open(0 if file == "-" else file, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield _record(file, number, line)
    except OSError as error:
        raise UsageError(
            Code.FILE_UNREADABLE, f"{file}: {error.strerror}.", "name a file that export wrote."
        ) from error


def _record(file: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise _no_record(file, number) from error
    if not isinstance(record, dict):
        raise _no_record(file, number)
    return record


def _no_record(file: str, number: int) -> UsageError:
    return UsageError(
        Code.IMPORT_INVALID, f"{file}, line {number} is not a JSON object.", "name a file that export wrote."
    )
