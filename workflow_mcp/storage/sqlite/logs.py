"""Whether the write-ahead log beside a file is that file's own: SQLite would replay any other as well.

Every transaction leaves a stamp in the file's first page, and so in the log: the lineage, drawn anew whenever a
file is made or put in place (`application_id`), and the number of transactions since (`user_version`). A log is
the file's own if the file is in one of the states that the log holds, or in the one just before the first.
Offsets are those of "Database File Format" and "WAL-mode File Format" on sqlite.org.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

LOG, INDEX = "-wal", "-shm"
MAX_NUMBER = 2**31 - 1
MAX_LOOKS = 200
LOOK_SECONDS = 0.005
_LOG_HEADER, _FRAME_HEADER, _PAGE_HEADER = 32, 24, 100
_CHUNK_FRAMES = 256


@dataclass(frozen=True, slots=True)
class Stamp:
    """A state of a file; one without lineage was last written by other programs or an earlier version."""

    lineage: int
    number: int
    schema: int

    def comes_just_before(self, later: Stamp) -> bool:
        """Whether `later` is the state that the next transaction can leave."""
        same = self.lineage in (later.lineage, 0)
        return same and later.number == following(self.number) and self.schema <= later.schema


@dataclass(frozen=True, slots=True)
class State:
    """What a file itself says, without its log: its stamp, and whether it is shorter than it says that it is."""

    stamp: Stamp
    page_size: int
    is_short: bool


class _Frame(NamedTuple):
    """One of a log: its number, its page's number and head, and how many pages the file has where it commits."""

    number: int
    page: int
    pages: int
    head: bytes


Verdict = Literal["own", "foreign", "index of another"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a file and the log beside it.

    Attributes:
        state: the file's, without the log.
        verdict: whether the log, if there is one, is the file's own, and the index of the log as well.
        missing_pages: how many of its pages neither the file nor its log has.
    """

    state: State
    verdict: Verdict
    missing_pages: int


def new_lineage() -> int:
    """A lineage for a file that is made or put in place."""
    return secrets.randbelow(MAX_NUMBER) + 1


def following(number: int) -> int:
    """The number of the transaction after this one."""
    return number % MAX_NUMBER + 1


def state_of(path: str) -> State:
    """What an existing file says without its log; takes no lock and changes nothing.

    Raises:
        sqlite3.Error: it is no database.
    """
    with contextlib.closing(open_without_log(path)) as raw:
        is_short = _is_short(raw)
        lineage, number, schema, size = raw.execute(
            "SELECT * FROM pragma_application_id, pragma_user_version, pragma_schema_version, pragma_page_size"
        ).fetchone()
    return State(Stamp(lineage, number, schema), size, is_short)


def _is_short(raw: sqlite3.Connection) -> bool:
    try:
        raw.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        # Otherwise such a file tells nothing more.
        raw.execute("PRAGMA writable_schema=ON")
        return True
    return False


def open_without_log(path: str) -> sqlite3.Connection:
    """A connection that reads the file alone.

    Through SQLite, for the process would lose its locks on the file if it were opened and closed in another way.
    """
    return sqlite3.connect(uri_of(path, "ro", immutable=True), uri=True, isolation_level=None, check_same_thread=False)


def uri_of(path: str, mode: str, *, immutable: bool = False) -> str:
    """The URI by which SQLite opens a path."""
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{escaped}?mode={mode}{'&immutable=1' if immutable else ''}"


def findings_about(path: str, *, with_index: bool) -> Findings | None:
    """What is found about a file and its log, neither of which changes meanwhile; None if they never hold still.

    Args:
        path: an existing file.
        with_index: look into the index too; only for a process that has not opened the file, because it would
            lose its locks there.

    Raises:
        sqlite3.Error: the file is no database.
        OSError: the file or its log cannot be read.
    """
    before = _moment(path)
    for _ in range(MAX_LOOKS):
        found = _look(path, before[0], with_index=with_index)
        after = _moment(path)
        if before == after:
            return found
        before = after
        time.sleep(LOOK_SECONDS)
    return None


def _moment(path: str) -> tuple[State, bytes]:
    return state_of(path), _log_header(path)


def _log_header(path: str) -> bytes:
    try:
        with open(path + LOG, "rb") as log:
            return log.read(_LOG_HEADER)
    except FileNotFoundError:
        return b""


def _look(path: str, state: State, *, with_index: bool) -> Findings:
    copied = _copied_frames(path) if with_index else 0
    stamps: list[tuple[int, Stamp]] = []
    for frame in _committed(path + LOG):
        if frame.page == 1:
            stamps.append((frame.number, _stamp_in(frame.head)))
            if frame.number > copied and _is_own(state.stamp, [stamp for _, stamp in stamps]):
                break
    missing = _missing_pages(path, state.page_size) if state.is_short else 0
    return Findings(state, _verdict(state.stamp, stamps, copied), missing)


def _missing_pages(path: str, page_size: int) -> int:
    """How many pages neither a file that is short nor its log has; at least one where there is no log."""
    logged, pages = set(), 0
    for frame in _committed(path + LOG):
        logged.add(frame.page)
        pages = frame.pages or pages
    if not pages:
        return 1
    return len(set(range(os.stat(path).st_size // page_size + 1, pages + 1)) - logged)


def _verdict(stamp: Stamp, logged: list[tuple[int, Stamp]], copied: int) -> Verdict:
    stamps = [one for _, one in logged]
    if not _is_own(stamp, stamps):
        return "foreign"
    reached = max((place for place, one in enumerate(stamps) if one == stamp), default=-1)
    claimed = sum(number <= copied for number, _ in logged) - 1
    return "index of another" if reached < claimed else "own"


def _is_own(stamp: Stamp, stamps: list[Stamp]) -> bool:
    # A log without stamps is one that another program wrote: it cannot be told from the file's own.
    return not stamps or stamp in stamps or stamp.comes_just_before(stamps[0])


def _stamp_in(page: bytes) -> Stamp:
    schema, number, lineage = (struct.unpack_from(">i", page, offset)[0] for offset in (40, 60, 68))
    return Stamp(lineage, number, schema)


def last_stamp_in(log: str) -> Stamp | None:
    """The state that a log would leave a file in; None when it holds no transaction with a stamp."""
    stamps = [_stamp_in(frame.head) for frame in _committed(log) if frame.page == 1]
    return stamps[-1] if stamps else None


def _copied_frames(path: str) -> int:
    """How many frames of the log the file has already, by the index."""
    # "WAL-Index File Format": two copies of a header of 48 bytes, then the number of frames that were copied.
    try:
        with open(path + INDEX, "rb") as index:
            salts, copied = struct.unpack("=32x8s56xI", index.read(100))
    except (FileNotFoundError, struct.error):
        return 0
    return int(copied) if salts == _log_header(path)[16:24] else 0


def _committed(log: str) -> Iterator[_Frame]:
    """The frames of a log's committed transactions."""
    pending: list[_Frame] = []
    for frame in _frames(log):
        pending.append(frame)
        if frame.pages:
            yield from pending
            pending = []


def _frames(log: str) -> Iterator[_Frame]:
    with contextlib.suppress(FileNotFoundError), open(log, "rb") as file:
        header = file.read(_LOG_HEADER)
        page_size = struct.unpack_from(">I", header, 8)[0] if len(header) == _LOG_HEADER else 0
        size, number = _FRAME_HEADER + page_size, 0
        while page_size and (chunk := file.read(size * _CHUNK_FRAMES)):
            for start in range(0, len(chunk) - size + 1, size):
                page, pages, salts = struct.unpack_from(">II8s", chunk, start)
                # What an earlier run through the log left behind carries other salts.
                if salts != header[16:24]:
                    return
                number += 1
                head = start + _FRAME_HEADER
                yield _Frame(number, page, pages, chunk[head : head + _PAGE_HEADER])
