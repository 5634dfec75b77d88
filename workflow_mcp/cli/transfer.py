"""The commands export and import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

from cyclopts import Parameter

from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import OutputError, discard, flush, print_json, print_text
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.results import ImportResult
from workflow_mcp.workspace.work_items import WorkItems

MAX_LINE_BYTES = 4 * 2**20
MAX_SHOWN_PAIRS = 100


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
        print_text(_told(work.data.project.name, await work.import_records(lines)))

    with _copy_of(file) as lines:
        with_work_items(directory, import_file, create=True)


def _told(project: str, result: ImportResult) -> str:
    if result.repeated:
        return f"nothing imported into {project}: this file was imported before"
    pairs = [f"#{old} is #{new}" for old, new in islice(result.renumbered.items(), MAX_SHOWN_PAIRS)]
    more = len(result.renumbered) - len(pairs)
    renumbered = f": {', '.join(pairs)}{f' and {more} more' if more else ''}" if pairs else ""
    return f"{result.items} items imported into {project}{renumbered}"


class _Lines:
    """The JSON objects on the lines of a file, from the first each time they are iterated."""

    def __init__(self, name: str, lines: IO[bytes]) -> None:
        self._name = name
        self._lines = lines

    def __iter__(self) -> Iterator[Any]:
        self._lines.seek(0)
        number = 0
        while line := self._lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            yield self._object(number, line)

    def _object(self, number: int, line: bytes) -> Any:
        where = f"{self._name}, line {number}"
        if len(line) > MAX_LINE_BYTES:
            raise _invalid(f"{where} has more than {MAX_LINE_BYTES} bytes.")
        try:
            return json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise _invalid(f"{where} is not a JSON object.") from error


@contextmanager
def _copy_of(file: str) -> Iterator[_Lines]:
    # It is read twice, and must be the same both times.
    with TemporaryFile() as copy:
        try:
            with open(0 if file == "-" else file, "rb") as lines:
                shutil.copyfileobj(lines, copy)
        except OSError as error:
            what = f"{file}: {error.strerror}."
            raise UsageError(Code.FILE_UNREADABLE, what, "name a file that export wrote.") from error
        yield _Lines(file, copy)


def _invalid(what: str) -> UsageError:
    return UsageError(Code.IMPORT_INVALID, what, "name a file that this version's export wrote.")
