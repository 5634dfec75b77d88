"""A file that `export` wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from workflow_mcp.errors import Code, UsageError

MAX_LINE_BYTES = 4 * 2**20


class ExportedLines:
    """The JSON objects on the lines of a file, from the first each time they are iterated."""

    def __init__(self, name: str, lines: IO[bytes]) -> None:
        self._name = name
        self._lines = lines

    def is_export(self) -> bool:
        """Whether they begin as all that `export` writes."""
        try:
            first = next(iter(self), None)
        except UsageError:
            return False
        return isinstance(first, dict) and first.get("kind") == "project"

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
def copy_of(file: str) -> Iterator[IO[bytes]]:
    """A copy of a file or, for `-`, of stdin: what is read several times must be the same each time.

    Raises:
        UsageError: `FILE_UNREADABLE`.
    """
    with TemporaryFile() as copy:
        try:
            with open(0 if file == "-" else file, "rb") as lines:
                shutil.copyfileobj(lines, copy)
        except OSError as error:
            what = f"{file}: {error.strerror}."
            raise UsageError(Code.FILE_UNREADABLE, what, "name a file that you can read.") from error
        copy.seek(0)
        yield copy


def _invalid(what: str) -> UsageError:
    return UsageError(Code.IMPORT_INVALID, what, "name a file that this version's export wrote.")
