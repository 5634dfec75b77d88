"""All that is particular to SQLite: pragmas, locking, headers, copies and what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import Connection, NullPool, create_engine

from workflow_mcp.storage.sqlite.connections import Connections

BUSY_SECONDS = 30.0
MAX_CONNECTIONS = 4
PAGE_CACHE_KIB = 16 * 1024

Fault = Literal["busy", "full", "read-only", "damaged", "unreachable", "other"]

# SQLite says FULL for a full disk alone; a quota or limit that is reached shows as a write that failed.
_FAULTS: dict[int, Fault] = {
    sqlite3.SQLITE_IOERR_WRITE: "full",
    sqlite3.SQLITE_IOERR_SHMSIZE: "full",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_IOERR: "unreachable",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself; no version and id when it is not a project's file."""

    version: str | None
    project_id: str | None
    project_name: str | None


def fault(error: BaseException | None) -> Fault:
    """What a driver's error comes down to."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        # The low byte is the kind, the rest says where it happened.
        return _FAULTS.get(code) or _FAULTS.get(code & 0xFF) or _fault_in_text(error)
    return "other"


def _fault_in_text(error: BaseException | None) -> Fault:
    return "damaged" if "no such table" in str(error) or "no such column" in str(error) else "other"


def connections_to(path: str) -> Connections:
    """The connections to an existing file; nothing is opened yet."""
    return Connections(lambda: _open(path, wait=0.0))


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
    """Begin a transaction and say whose file it is in; a writer waits for no other, it fails with `busy`.

    Raises:
        sqlite3.Error: it could not be begun, or the file is no project's.
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
    """What an existing file says about itself; blocking.

    Raises:
        sqlite3.Error: it cannot be read, or is no database.
    """
    with contextlib.closing(_open(path, wait=BUSY_SECONDS)) as raw:
        return _header(raw)


@contextlib.contextmanager
def exclusive(path: str) -> Iterator[Connection]:
    """One write transaction on a file, which is created when it is not there; blocking.

    Commits when its body ends and rolls back when it raises. Foreign keys are not watched, so that
    a migration can rebuild tables.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None),
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
    """A complete copy of what is committed in a file, as one new file; blocking."""
    with (
        contextlib.closing(_open(path, wait=BUSY_SECONDS)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
