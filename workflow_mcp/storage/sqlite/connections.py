"""Connections to SQLite files: pragmas, locking, headers and copies."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, NullPool, create_engine

BUSY_TIMEOUT = 30.0
MAX_CONNECTIONS = 4
PAGE_CACHE_KIB = 16 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """The version and project that a file states; all None when it states none."""

    version: str | None
    project_id: str | None
    project_name: str | None


class Connections:
    """A pool of connections to a file; thread-safe, each connection is used by one thread at a time.

    Args:
        path: an existing file, opened when the first connection is needed.
    """

    def __init__(self, path: str) -> None:
        # No pool and no reset: transactions are begun and ended explicitly here.
        self._engine = create_engine(
            "sqlite://", creator=lambda: _open(path, wait=0.0), poolclass=NullPool, pool_reset_on_return=None
        )
        self._idle: deque[Connection] = deque()

    @contextlib.contextmanager
    def use(self) -> Iterator[Connection]:
        """A connection for exclusive use; its transaction is committed, or rolled back when the body raises."""
        connection = self._take()
        try:
            yield connection
            connection.commit()
        except BaseException:
            self._roll_back(connection)
            raise
        self._idle.append(connection)

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.connect()

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def close(self) -> None:
        """Close all connections; none may be in use."""
        while self._idle:
            self._idle.pop().close()


def _open(path: str, *, wait: float) -> sqlite3.Connection:
    raw = sqlite3.connect(
        _uri(path, "rw"), uri=True, timeout=wait, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
    except BaseException:
        raw.close()
        raise
    return raw


def _uri(path: str, mode: str) -> str:
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{escaped}?mode={mode}"


def begin(connection: Connection, *, write: bool) -> Header:
    """Begin a transaction and read the file's header; a writer does not wait for another, it fails with `busy`.

    Raises:
        sqlite3.Error: it could not be begun, or the file is not a project's.
    """
    raw = cast("sqlite3.Connection", connection.connection.driver_connection)
    raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    return _header(raw)


def _header(raw: sqlite3.Connection) -> Header:
    row = raw.execute(
        "SELECT version_num, id, name FROM alembic_version LEFT JOIN projects ON 1 = 1 LIMIT 1"
    ).fetchone()
    return Header(None, None, None) if row is None else Header(*row)


def read_header(path: str) -> Header:
    """Read the header of an existing file; blocking.

    Raises:
        sqlite3.Error: it cannot be read, or is no database.
    """
    with contextlib.closing(_open(path, wait=BUSY_TIMEOUT)) as raw:
        return _header(raw)


def last_directory(path: str) -> str | None:
    """The directory that an existing file was last changed from; None when it never was; blocking.

    Raises:
        sqlite3.Error: it cannot be read, or is no project's.
    """
    with contextlib.closing(_open(path, wait=BUSY_TIMEOUT)) as raw:
        row = raw.execute("SELECT directory FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else str(row[0])


@contextlib.contextmanager
def exclusive(path: str) -> Iterator[Connection]:
    """One write transaction on a file, which is created when it is missing; blocking.

    Commits when its body ends and rolls back when it raises. Foreign keys are not enforced, so that
    a migration can rebuild tables.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        connection.commit()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()


def copy_file(path: str, target: str) -> None:
    """Copy what is committed in a file, with its write-ahead log, into one new file; blocking."""
    with (
        contextlib.closing(_open(path, wait=BUSY_TIMEOUT)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
