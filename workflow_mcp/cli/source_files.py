"""Reading the files of other programs: as text, within bounds, and none that a link hides elsewhere."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.importers.errors import SourceError, invalid
from workflow_mcp.work.importers.values import Place, SourceFile
from workflow_mcp.work.text import visible
from workflow_mcp.workspace.open_folders import FILE

MAX_FILE_BYTES = 16 * 2**20
MAX_TOTAL_BYTES = 64 * 2**20
STDIN = "-"
IN_PARTS = "import it in parts: what they have in common is not imported twice."


@dataclass(frozen=True, slots=True)
class Located:
    """A file to read.

    Attributes:
        path: where it is.
        within: the folder that no link on the way to it may lead out of; None for a file that the user named.
        group: see `SourceFile`.
    """

    path: str
    within: str | None = None
    group: str = ""


def read_files(located: Iterable[Located]) -> Iterator[SourceFile]:
    """The text of files.

    Raises:
        WorkItemError: `IMPORT_INVALID`, for one that is too large, not UTF-8, not regular, or a link out of its folder.
        UsageError: `FILE_UNREADABLE`.
    """
    total = 0
    for one in located:
        data, modified_at = _content(one)
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            what = f"with it, there are more than {MAX_TOTAL_BYTES // 2**20} MiB to read"
            raise SourceError(_place(one.path), what, IN_PARTS)
        yield SourceFile(shown_path(one.path), text_of(one.path, data), modified_at, one.group)


def shown_path(path: str) -> str:
    """A path as it is shown: relative where it is below the current directory, and one that can be printed."""
    if path == STDIN:
        return "standard input"
    relative = os.path.relpath(path)
    return visible(path if relative.startswith(os.pardir) else relative)


def text_of(path: str, data: bytes) -> str:
    """The text that the content of a file is.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming the line with what is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise invalid(_place(path, line), f"byte {error.start} is not UTF-8") from error


def _place(path: str, line: int = 1) -> Place:
    return Place(shown_path(path), line)


def _content(one: Located) -> tuple[bytes, datetime]:
    if one.path == STDIN:
        return bounded(one.path, sys.stdin.buffer.read(MAX_FILE_BYTES + 1)), datetime.now(UTC)
    try:
        descriptor = os.open(_real(one), os.O_RDONLY | FILE)
        with open(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise invalid(_place(one.path), "it is not a regular file")
            return bounded(one.path, file.read(MAX_FILE_BYTES + 1)), _time(state.st_mtime)
    except OSError as error:
        what = f"{shown_path(one.path)}: {error.strerror}."
        raise UsageError(Code.FILE_UNREADABLE, what, "name a file or folder that you can read.") from error


def _real(one: Located) -> str:
    path = os.path.realpath(one.path)
    if one.within is not None and os.path.commonpath([path, folder := os.path.realpath(one.within)]) != folder:
        raise invalid(_place(one.path), f"it is a link that leads out of {shown_path(one.within)}")
    return path


def bounded(path: str, data: bytes) -> bytes:
    """The content of a file that is not too large.

    Raises:
        WorkItemError: `IMPORT_INVALID`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise SourceError(_place(path), f"it has more than {MAX_FILE_BYTES // 2**20} MiB", IN_PARTS)
    return data


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0), 2**32), UTC)
