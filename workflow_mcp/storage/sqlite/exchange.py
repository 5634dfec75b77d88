"""Putting one file in the place of another, so that whoever has the other one open harms neither.

A file that is put in place is a new one for the system (its inode), has no log beside it, and begins a lineage.
Processes that have the old one open notice it before their next transaction. SQLite neither copies a log into a
file that is no longer at its path nor removes that log, so that they can close the old one safely.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from workflow_mcp.storage.folders import sync_folder
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, damaged
from workflow_mcp.storage.sqlite.locks import file_lock
from workflow_mcp.storage.sqlite.logs import INDEX, LOG, new_lineage, open_without_log, uri_of
from workflow_mcp.storage.sqlite.paths import PRIVATE_FILE

logger = logging.getLogger(__name__)

ASIDE = "aside"
TEMPORARY = ".tmp"


@contextlib.contextmanager
def exchange_lock(folder: str) -> Iterator[None]:
    """While its body runs, nobody else exchanges a file of the folder; blocking.

    Raises:
        StoreError: `STORE_BUSY`.
    """
    with file_lock(os.path.join(folder, ".exchange.lock"), of=folder):
        yield


@contextlib.contextmanager
def temporary_beside(path: str) -> Iterator[str]:
    """A new empty file in the folder of `path`, removed with what SQLite makes beside it unless it was moved."""
    temporary = f"{path}.{secrets.token_hex(8)}{TEMPORARY}"
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
        yield temporary
    finally:
        for leftover in (temporary, temporary + LOG, temporary + INDEX, f"{temporary}-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(leftover)


def renew(path: str, *, with_log: bool) -> None:
    """Put a copy of the file in its own place, with what its log holds or else with the log set aside; blocking.

    For whoever has the `exchange_lock`.

    Raises:
        StoreError: `STORE_DAMAGED`; nothing was changed.
    """
    with temporary_beside(path) as temporary, _no_writer(path) if with_log else contextlib.nullcontext():
        with (
            contextlib.closing(open_without_log(path)) as source,
            contextlib.closing(plain_connection(temporary)) as copy,
        ):
            source.backup(copy)
        if with_log:
            shutil.copyfile(path + LOG, temporary + LOG)
        seal(temporary, path)
        log = put_in_place(temporary, path)
    logger.warning("%s was exchanged; the log that lay beside it is %s now", path, log)


def rescue(path: str, opened: sqlite3.Connection, *, into_place: bool) -> None:
    """Save what a connection still sees of a file whose log was taken away: into the file's place, or beside it.

    For whoever has the `exchange_lock`; blocking.

    Raises:
        StoreError: `STORE_DAMAGED`; nothing was changed.
    """
    with temporary_beside(path) as temporary:
        _copy_and_stop_writers(opened, temporary)
        try:
            seal(temporary, path)
            if into_place:
                put_in_place(temporary, path)
            else:
                os.rename(temporary, aside_name(path))
        finally:
            opened.execute("ROLLBACK")
    logger.warning("the log of %s was taken away; what it held was saved", path)


def _copy_and_stop_writers(opened: sqlite3.Connection, target: str) -> None:
    while True:
        with contextlib.closing(plain_connection(target)) as copy:
            opened.backup(copy)
            (copied,) = copy.execute("PRAGMA user_version").fetchone()
        opened.execute("BEGIN IMMEDIATE")
        if opened.execute("PRAGMA user_version").fetchone() == (copied,):
            return
        opened.execute("ROLLBACK")


def detach(path: str) -> None:
    """Put the same bytes in the place of a file, so that closing the old one no longer reaches them; blocking."""
    with temporary_beside(path) as temporary:
        shutil.copyfile(path, temporary)
        os.replace(temporary, path)


def put_in_place(temporary: str, path: str, log: str | None = None) -> str | None:
    """Put a sealed file in the place of another; for whoever has the `exchange_lock`.

    Args:
        temporary: the sealed file.
        path: the other.
        log: what to call the other's log from now on; None is a name beside it.

    Returns:
        What the log is called now; None when there was none.
    """
    if os.path.exists(path + LOG):
        log = log or aside_name(path + LOG)
        os.rename(path + LOG, log)
    else:
        log = None
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + INDEX)
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))
    return log


def aside_name(path: str) -> str:
    """A free name for what has to make room."""
    return f"{path}.{ASIDE}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


def seal(temporary: str, path: str) -> None:
    """Check that a copy is whole, with what lies in its log, and let it begin a lineage; it is on disk then.

    Raises:
        StoreError: `STORE_DAMAGED`, about `path`.
    """
    with contextlib.closing(plain_connection(temporary)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")
        fault = fault_in(copy)
        if fault is not None:
            raise damaged(path, fault)
        copy.execute("PRAGMA synchronous=FULL")
        copy.execute(f"PRAGMA application_id={new_lineage()}")
        copy.execute("PRAGMA journal_mode=WAL")
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())


def fault_in(raw: sqlite3.Connection) -> str | None:
    """What is wrong with a project's file by SQLite's own checks; None when it is whole. 0.1 s for 5000 items."""
    try:
        (verdict,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
        broken = raw.execute("PRAGMA foreign_key_check").fetchone()
        owners = raw.execute("SELECT count(*) > 0 FROM projects, alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    if verdict != "ok":
        return str(verdict)
    if broken is not None:
        return f"a row of {broken[0]} refers to one of {broken[2]} that is not there"
    return None if owners == (1,) else "it does not say which project it belongs to"


@contextlib.contextmanager
def _no_writer(path: str) -> Iterator[None]:
    with contextlib.closing(plain_connection(path)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield


def plain_connection(path: str) -> sqlite3.Connection:
    """A connection to an existing file that nobody else has open, or whose log is known to be its own."""
    return sqlite3.connect(
        uri_of(path, "rw"), uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
