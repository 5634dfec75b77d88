"""Notices when a file, its log or the index of that was exchanged while it is open."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from workflow_mcp.storage.sqlite.logs import INDEX, LOG, Findings, State, findings_about, state_of


class ExchangedError(Exception):
    """What is at the path is no longer what was opened.

    Attributes:
        is_elsewhere: whether what was opened is no longer at the path, so that closing it touches nothing there.
        is_changed: whether the file itself is another, or was changed by something else than its log.
    """

    def __init__(self, *, is_elsewhere: bool, is_changed: bool) -> None:
        super().__init__()
        self.is_elsewhere = is_elsewhere
        self.is_changed = is_changed


@dataclass(frozen=True, slots=True)
class _Sight:
    file: tuple[int, int]
    log: tuple[int, int] | None
    index: tuple[int, int] | None
    content: tuple[int, int]
    is_writable: bool


class Watch:
    """Remembers what is at a path, to be compared later; for the process that has it open.

    Raises:
        FileNotFoundError: nothing is there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen = _look(path)
        self._state = state_of(path)

    @property
    def is_writable(self) -> bool:
        """Whether the file's mode lets its owner write it."""
        return self._seen.is_writable

    def check_same_file(self, earlier: Watch) -> None:
        """Check that the file has not been exchanged since `earlier`.

        Raises:
            ExchangedError: it has.
        """
        if self._seen.file != earlier._seen.file:
            raise ExchangedError(is_elsewhere=True, is_changed=True)

    def check(self) -> None:
        """Check that the path leads to what was opened.

        Raises:
            ExchangedError: it does not.
            sqlite3.Error: what is there is no database.
        """
        try:
            now = _look(self._path)
        except FileNotFoundError as error:
            raise ExchangedError(is_elsewhere=True, is_changed=True) from error
        if now == self._seen:
            return
        if now.file != self._seen.file:
            raise ExchangedError(is_elsewhere=True, is_changed=True)
        is_changed = now.content != self._seen.content
        state = self._goes_on() if is_changed else self._state
        if state is None or (now.log, now.index) != (self._seen.log, self._seen.index):
            raise ExchangedError(is_elsewhere=False, is_changed=state is None)
        self._seen, self._state = now, state

    def _goes_on(self) -> State | None:
        """The file's state if what changed it was its own log, as when that is copied into it."""
        found = findings_about(self._path, with_index=False)
        is_good = found is not None and found.verdict == "own" and not found.missing_pages and self._is_later(found)
        return found.state if found is not None and is_good else None

    def _is_later(self, found: Findings) -> bool:
        now, then = found.state.stamp, self._state.stamp
        return then.lineage in (now.lineage, 0) and now.number >= then.number


def _look(path: str) -> _Sight:
    status = os.stat(path)
    return _Sight(
        (status.st_dev, status.st_ino),
        _identity(path + LOG),
        _identity(path + INDEX),
        (status.st_mtime_ns, status.st_size),
        bool(status.st_mode & stat.S_IWUSR),
    )


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
