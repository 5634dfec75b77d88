"""The only way in which a project's file is opened: never with a log that is not its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
import threading
import time
from collections import Counter
from typing import Any, ClassVar

from workflow_mcp.storage.sqlite.exchange import exchange_lock, renew
from workflow_mcp.storage.sqlite.faults import damaged, store_error
from workflow_mcp.storage.sqlite.logs import (
    INDEX,
    LOG,
    LOOK_SECONDS,
    Findings,
    findings_about,
    open_without_log,
    uri_of,
)

PAGE_CACHE_KIB = 16 * 1024
INDEX_LOOKS = 5


class _Connection(sqlite3.Connection):
    """Counts the connections that this process has to a path."""

    # SQLite's locks belong to the process as well: to close a file in any other way gives them up.
    open_here: ClassVar[Counter[str]] = Counter()
    _counting: ClassVar[threading.Lock] = threading.Lock()
    _path: str | None = None

    def count_for(self, path: str) -> None:
        """Count it until it is closed."""
        with self._counting:
            self._path = path
            self.open_here[path] += 1

    def close(self) -> None:
        """See `sqlite3.Connection`."""
        super().close()
        with self._counting:
            if self._path is not None:
                self.open_here[self._path] -= 1
                self._path = None


def open_file(path: str, *, wait: float, fill: bool = False) -> sqlite3.Connection:
    """A connection to a file: for reading alone where the file or its folder cannot be written.

    Args:
        path: the file.
        wait: seconds to wait for other processes' locks.
        fill: take an empty file as well, and leave foreign keys unwatched.

    Raises:
        StoreError: `STORE_DAMAGED`, or `STORE_BUSY` where it changes all the time.
        sqlite3.Error: it cannot be opened.
    """
    if fill and not os.path.getsize(path):
        return _set_up(_connect(uri_of(path, "rw"), path, wait), foreign_keys=False)
    _check_kind(path)
    if is_read_only(path):
        return _open_read_only(path)
    make_safe(path)
    return _set_up(_connect(uri_of(path, "rw"), path, wait), foreign_keys=not fill)


def _check_kind(path: str) -> None:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise damaged(path, "it is not a regular file")
    if status.st_size == 0:
        raise damaged(path, "it is empty")


def is_read_only(path: str) -> bool:
    """Whether a file is one that nobody may write, or that cannot be written where it is."""
    is_marked = not os.stat(path).st_mode & stat.S_IWUSR
    return is_marked or not os.access(path, os.W_OK) or not os.access(os.path.dirname(path), os.W_OK)


def make_safe(path: str) -> None:
    """Let SQLite find no log beside the file but its own; one of another file is set aside. Blocking.

    Raises:
        StoreError: `STORE_DAMAGED` or `STORE_BUSY`.
    """
    found = _examined(path)
    if found is None or found.verdict == "own":
        return
    with exchange_lock(os.path.dirname(path)):
        found = _examined(path)
        if found is not None and found.verdict != "own":
            renew(path, with_log=found.verdict == "index of another")


def _examined(path: str) -> Findings | None:
    """What was found about a file that has a log."""
    if not os.path.exists(path + LOG):
        if _lacks_log(path):
            raise _log_is_gone(path)
        return None
    found = findings_about(path, with_index=not _Connection.open_here[path])
    if found is None:
        raise store_error(path, "busy", None)
    if found.missing_pages:
        raise damaged(path, f"{found.missing_pages} of its pages are missing")
    return found


def _lacks_log(path: str) -> bool:
    # SQLite makes the log before its index and removes it after that, so that one look could come in between.
    for _ in range(INDEX_LOOKS):
        if not os.path.exists(path + INDEX) or os.path.exists(path + LOG):
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _log_is_gone(path: str) -> Exception:
    return damaged(
        path,
        f"{path + LOG} is gone, which held the last changes",
        f"put that file back; to go on without those changes, move {path + INDEX} away.",
    )


def _open_read_only(path: str) -> sqlite3.Connection:
    if os.path.exists(path + LOG) and os.path.getsize(path + LOG):
        return _set_up(private_copy(path))
    return _set_up(_connect(uri_of(path, "ro", immutable=True), path, 0.0))


def private_copy(path: str) -> sqlite3.Connection:
    """A connection to a temporary copy of a file, with what its own log holds, to be read; changes nothing there.

    Raises:
        StoreError: `STORE_DAMAGED` or `STORE_BUSY`.
        sqlite3.Error: it is no database.
    """
    # SQLite would have to write beside a file that has a log.
    _check_kind(path)
    found, private = _examined(path), new_private_file()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        with contextlib.closing(open_without_log(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        if found is not None and found.verdict != "foreign":
            shutil.copyfile(path + LOG, copy + LOG)
        with contextlib.closing(sqlite3.connect(copy)) as source:
            source.backup(private)
    private.execute("PRAGMA query_only=ON")
    return private


def new_private_file() -> sqlite3.Connection:
    """A connection to a new temporary database, which is gone when it is closed."""
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


def _connect(uri: str, path: str, wait: float) -> sqlite3.Connection:
    options: dict[str, Any] = {"isolation_level": None, "check_same_thread": False, "cached_statements": 256}
    raw = sqlite3.connect(uri, uri=True, timeout=wait, factory=_Connection, **options)
    raw.count_for(path)
    return raw


def _set_up(raw: sqlite3.Connection, *, foreign_keys: bool = True) -> sqlite3.Connection:
    with contextlib.ExitStack() as closing:
        closing.callback(raw.close)
        raw.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        closing.pop_all()
    return raw
