"""Connections to SQLite files: pragmas, locking, headers and copies."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, NullPool, create_engine

from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, damaged
from workflow_mcp.storage.sqlite.logs import following, new_lineage
from workflow_mcp.storage.sqlite.opening import is_read_only, open_file
from workflow_mcp.storage.sqlite.watch import Watch
from workflow_mcp.storage.times import Noted
from workflow_mcp.storage.types import from_micros
from workflow_mcp.work.members import Role

MAX_CONNECTIONS = 4
MEMBERS_SINCE = "0008"


NOTHING_NOTED = Noted()


@dataclass(frozen=True, slots=True)
class Header:
    """The version and project that a file states; all None when it states none.

    A transaction's has no `archived_at` and no `role`, one that was read alone has no times.
    """

    version: str | None
    project_id: str | None
    project_name: str | None
    number: int = 0
    noted: Noted = NOTHING_NOTED
    archived_at: datetime | None = None
    role: Role | None = None


# One statement, for every transaction begins with it. The key of events leads to the last one at once.
_CURRENT = (
    "SELECT version_num, projects.id, name, boot, booted_at, (SELECT at FROM events ORDER BY id DESC LIMIT 1) "
    "FROM alembic_version LEFT JOIN projects ON 1 = 1 LIMIT 1"
)


class Connections:
    """A pool of connections to a file; thread-safe, each connection is used by one thread at a time.

    Args:
        path: an existing file, which is opened.

    Raises:
        StoreError: it cannot be used.
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        # No pool and no reset: transactions are begun and ended explicitly here.
        self._engine = create_engine(
            "sqlite://", creator=lambda: open_file(path, wait=0.0), poolclass=NullPool, pool_reset_on_return=None
        )
        self._path = path
        self._is_whole = False
        self._idle: deque[Connection] = deque()
        self._used = 0
        self._returned = threading.Condition()
        before = Watch(path)
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            with self.use() as connection:
                if connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete" and not is_read_only(path):
                    # A copy that was made by hand need not have a log.
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.commit()
                connection.begin()
                begin(connection, write=False)
                self._watch = Watch(path)
            self._watch.check_same_file(before)
            failing.pop_all()

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
        else:
            self._idle.append(connection)
        finally:
            self._give_back()

    def _take(self) -> Connection:
        with self._returned:
            self._used += 1
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._engine.connect()
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        with self._returned:
            self._used -= 1
            self._returned.notify_all()

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    @property
    def is_writable(self) -> bool:
        """Whether the file's mode lets its owner write it."""
        return self._watch.is_writable

    def check(self) -> None:
        """Check that what they have open is what is at the path.

        Raises:
            ExchangedError: it is not.
            sqlite3.Error: what is there is no database.
        """
        self._watch.check()

    def check_whole(self) -> None:
        """Check once that the file is whole, which takes about 5 ms for 1000 items.

        Raises:
            StoreError: `STORE_DAMAGED`.
        """
        if not self._is_whole:
            with self.use() as connection:
                verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if verdict != "ok":
                raise damaged(self._path, verdict)
            self._is_whole = True

    def close(self) -> None:
        """Close all connections, after those in use were returned; blocking."""
        with self._returned:
            self._returned.wait_for(lambda: not self._used, timeout=BUSY_TIMEOUT)
        while self._idle:
            self._idle.pop().close()


def raw_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def begin(connection: Connection, *, write: bool) -> Header:
    """Begin a transaction and read the file's header; a writer does not wait for another, it fails with `busy`.

    Raises:
        sqlite3.Error: it could not be begun, or the file is not a project's.
    """
    raw = raw_of(connection)
    raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        row = raw.execute(_CURRENT).fetchone()
    except sqlite3.OperationalError:
        # Another format, or no project's file.
        return header_of(raw)
    (number,) = raw.execute("PRAGMA user_version").fetchone()
    if row is None:
        return Header(None, None, None)
    version, project_id, name, boot, booted_at, last_change = row
    return Header(version, project_id, name, number, Noted(boot, _time(booted_at), _time(last_change)))


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def stamp(connection: Connection, number: int) -> None:
    """Let the transaction that a connection is in leave its number in the file, see `logs`."""
    raw_of(connection).execute(f"PRAGMA user_version={following(number)}")


def header_of(raw: sqlite3.Connection, member: str | None = None) -> Header:
    """The header of the file that a connection has open, with the role of a member.

    Raises:
        sqlite3.Error: it cannot be read, or is not a project's.
    """
    cursor = raw.execute(
        "SELECT version_num, id, name, user_version, projects.* FROM pragma_user_version, alembic_version "
        "LEFT JOIN projects ON 1 = 1 LIMIT 1"
    )
    row = cursor.fetchone()
    if row is None:
        return Header(None, None, None)
    # Only by its name, for older formats have no such column.
    archived_at = dict(zip((column[0] for column in cursor.description), row, strict=True)).get("archived_at")
    version, project_id, name, number, *_ = row
    role = None if member is None else _role_in(raw, version, member)
    return Header(version, project_id, name, number, archived_at=_time(archived_at), role=role)


def _role_in(raw: sqlite3.Connection, version: str, member: str) -> Role | None:
    # Older formats have no members.
    held = raw.execute("SELECT role FROM members WHERE principal = ?", [member]) if version >= MEMBERS_SINCE else None
    row = None if held is None else held.fetchone()
    return None if row is None else row[0]


def read_header(path: str, member: str | None = None) -> Header:
    """Read the header of an existing file, with the role of a member; blocking.

    Raises:
        sqlite3.Error: it cannot be read, or is no database.
    """
    with contextlib.closing(open_file(path, wait=BUSY_TIMEOUT)) as raw:
        return header_of(raw, member)


def last_directory(path: str) -> str | None:
    """The directory that an existing file was last changed from; None when it never was; blocking.

    Raises:
        sqlite3.Error: it cannot be read, or is no project's.
    """
    with contextlib.closing(open_file(path, wait=BUSY_TIMEOUT)) as raw:
        row = raw.execute("SELECT directory FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else str(row[0])


@contextlib.contextmanager
def exclusive(path: str) -> Iterator[Connection]:
    """One write transaction on a file, which may be empty; blocking.

    Commits when its body ends and rolls back when it raises. Foreign keys are not enforced, so that
    a migration can rebuild tables.
    """
    engine = create_engine(
        "sqlite://", creator=lambda: open_file(path, wait=BUSY_TIMEOUT, fill=True), poolclass=NullPool
    )
    with engine.connect() as connection:
        raw = raw_of(connection)
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.commit()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        (lineage, number) = raw.execute("SELECT * FROM pragma_application_id, pragma_user_version").fetchone()
        if not lineage:
            raw.execute(f"PRAGMA application_id={new_lineage()}")
        stamp(connection, number)
        connection.commit()


def copy_file(path: str, target: str) -> None:
    """Copy what is committed in a file, with its write-ahead log, into one new file; blocking."""
    with (
        contextlib.closing(open_file(path, wait=BUSY_TIMEOUT)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
