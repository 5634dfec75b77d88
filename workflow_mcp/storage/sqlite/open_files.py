"""A file that is open, also when it is exchanged meanwhile: then what is in its place is opened, once it is safe."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from workflow_mcp.storage.sqlite.connections import Connections, Header, begin, raw_of, stamp
from workflow_mcp.storage.sqlite.exchange import detach, exchange_lock, renew, rescue
from workflow_mcp.storage.sqlite.faults import DRIVER_ERRORS, damaged, is_busy, store_error
from workflow_mcp.storage.sqlite.logs import LOG, findings_about
from workflow_mcp.storage.sqlite.watch import ExchangedError

logger = logging.getLogger(__name__)

MAX_EXCHANGES = 10


class OpenFile:
    """A project's file; for threads.

    Args:
        path: the file.
        make_ready: makes what is at the path ready for use, or raises why that cannot be.
    """

    def __init__(self, path: str, make_ready: Callable[[], None]) -> None:
        self._path = path
        self._make_ready = make_ready
        self._connections: Connections | None = None
        self._changing = threading.Lock()

    def open(self) -> Connections:
        """The connections to what is at the path, opened if they are not yet.

        Raises:
            StoreError: it cannot be used.
        """
        with self._changing:
            if self._connections is None:
                self._connections = self._opened()
            return self._connections

    def _opened(self) -> Connections:
        for _ in range(MAX_EXCHANGES):
            self._make_ready()
            with contextlib.suppress(ExchangedError, FileNotFoundError):
                return Connections(self._path)
        raise store_error(self._path, "busy", None)

    def reopen(self, opened: Connections, exchanged: ExchangedError) -> None:
        """Give up connections to what is no longer at the path, so that what is there can be opened.

        Raises:
            StoreError: `STORE_DAMAGED`; nothing was changed.
        """
        with self._changing:
            if self._connections is opened:
                if not exchanged.is_elsewhere:
                    self._move_away(opened)
                self._connections = None
                opened.close()

    def close(self) -> None:
        """Close it, and let no log that is not the file's own be copied into it."""
        with self._changing:
            if self._connections is not None:
                self._leave(self._connections)
                self._connections.close()
                self._connections = None

    def _leave(self, opened: Connections) -> None:
        try:
            opened.check()
        except ExchangedError as exchanged:
            if not exchanged.is_elsewhere:
                self._move_away_or_detach(opened)
        except DRIVER_ERRORS:
            self._move_away_or_detach(opened)

    def _move_away_or_detach(self, opened: Connections) -> None:
        try:
            self._move_away(opened)
        except Exception:
            logger.exception("%s was changed while it was open, and is left as it is", self._path)
            detach(self._path)

    def _move_away(self, opened: Connections) -> None:
        """Put what is at the path, or was, into a new file there, for closing the old one would harm it."""
        with exchange_lock(os.path.dirname(self._path)):
            try:
                opened.check()
            except ExchangedError as exchanged:
                if exchanged.is_elsewhere:
                    return
                if not exchanged.is_changed:
                    self._save_log(opened)
                if exchanged.is_changed or os.path.exists(self._path + LOG):
                    self._renew()

    def _save_log(self, opened: Connections) -> None:
        with opened.use() as connection:
            rescue(self._path, raw_of(connection), into_place=not os.path.exists(self._path + LOG))

    def _renew(self) -> None:
        found = findings_about(self._path, with_index=False)
        if found is None:
            raise store_error(self._path, "busy", None)
        if found.missing_pages:
            raise damaged(self._path, f"{found.missing_pages} of its pages are missing")
        renew(self._path, with_log=found.verdict != "foreign" and os.path.exists(self._path + LOG))


@contextlib.contextmanager
def transaction(path: str, opened: Connections, *, write: bool) -> Iterator[tuple[Connection, Header]]:
    """A transaction in what is at the path.

    Raises:
        ExchangedError: that is not what was opened.
        StoreError: `STORE_READ_ONLY`.
        sqlite3.Error: it cannot be begun.
    """
    with opened.use() as connection:
        try:
            connection.begin()
            header = begin(connection, write=write)
            opened.check()
            if write:
                if not opened.is_writable:
                    raise store_error(path, "read-only", None)
                stamp(connection, header.number)
            yield connection, header
        except DRIVER_ERRORS as error:
            _explain(opened, error)


def _explain(opened: Connections, error: DBAPIError | sqlite3.Error) -> NoReturn:
    # What SQLite reads from a file that was exchanged under it may be anything.
    if not is_busy(error):
        opened.check()
    raise error
