"""Backups of projects' files, and putting one back; other processes may use the files meanwhile. Blocking."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_mcp.errors import Code, StoreError, UsageError
from workflow_mcp.storage.folders import sync_folder
from workflow_mcp.storage.sqlite.connections import Header, header_of
from workflow_mcp.storage.sqlite.exchange import (
    aside_name,
    exchange_lock,
    fault_in,
    plain_connection,
    put_in_place,
    seal,
    temporary_beside,
)
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, DRIVER_ERRORS, damaged, store_errors
from workflow_mcp.storage.sqlite.files import check_owner, make_folder
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import LOG
from workflow_mcp.storage.sqlite.opening import make_safe, open_file, private_copy
from workflow_mcp.storage.sqlite.paths import path_of
from workflow_mcp.storage.sqlite.trash import absent, copy_of, deleted
from workflow_mcp.work.values import Project

_COUNTS = "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM notes), (SELECT count(*) FROM events)"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written and read back."""

    file: str
    project_id: str
    items: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A file that was put back.

    Attributes:
        path: where.
        project: the project it is of.
        items: how many work items it holds.
        kept: what was there before is under this name now, with its log beside it; None when nothing was.
    """

    path: str
    project: Project
    items: int
    kept: str | None


def back_up(data_dir: Path, project_id: str, target: str) -> Backup:
    """Write all that is committed in a project's file into a new file, which appears when it was read back as whole.

    Raises:
        StoreError: the project's file cannot be used, is not whole, or see `store_errors`.
        UsageError: `FILE_EXISTS`.
    """
    path = path_of(data_dir, project_id)
    with store_errors(path):
        if not os.path.lexists(path):
            raise absent(path, project_id)
        source = open_file(path, wait=BUSY_TIMEOUT)
    with contextlib.closing(source), store_errors(target), temporary_beside(target) as temporary:
        counts = _copy(path, project_id, source, temporary)
        seal(temporary, path)
        with contextlib.closing(plain_connection(temporary)) as copy:
            if copy.execute(_COUNTS).fetchone() != counts:
                raise damaged(path, "its copy does not hold what it holds")
        _place(temporary, target)
    return Backup(target, project_id, counts[0])


def _copy(path: str, project_id: str, source: sqlite3.Connection, target: str) -> tuple[int, int, int]:
    with store_errors(path), contextlib.closing(plain_connection(target)) as copy:
        source.execute("BEGIN")
        check_owner(path, header_of(source), project_id)
        counts: tuple[int, int, int] = source.execute(_COUNTS).fetchone()
        source.backup(copy)
        source.execute("COMMIT")
    return counts


def _place(temporary: str, target: str) -> None:
    try:
        if os.name == "nt":
            os.rename(temporary, target)
        else:
            os.link(temporary, target)
    except FileExistsError as error:
        raise UsageError(
            Code.FILE_EXISTS, f"{target} is there already.", "name a file that is not there yet."
        ) from error
    sync_folder(os.path.dirname(target))


def restore(data_dir: Path, known: KnownProjects, file: str, project_id: str | None = None) -> Restored:
    """Put a backup in the place of the file of the project that it is of; what is there is kept under another name.

    Servers that have the old file open notice the new one before their next transaction.

    Args:
        data_dir: the data directory.
        known: remembers that there is a file.
        file: the backup.
        project_id: the project that it must be of; None for any.

    Raises:
        StoreError: the backup is not whole, or written by a newer version; nothing was changed. Or see `store_errors`.
        UsageError: `FILE_UNREADABLE`.
    """
    with _opened(file, project_id) as (source, header):
        project = Project(header.project_id, header.project_name or "")
        path = path_of(data_dir, project.known_id)
        with store_errors(path):
            make_folder(os.path.dirname(path))
            with temporary_beside(path) as temporary:
                with contextlib.closing(plain_connection(temporary)) as copy:
                    source.backup(copy)
                    items = copy.execute(_COUNTS).fetchone()[0]
                seal(temporary, file)
                kept = _swap(temporary, path)
    known.remember(project)
    return Restored(path, project, items, kept)


@contextlib.contextmanager
def _opened(file: str, project_id: str | None) -> Iterator[tuple[sqlite3.Connection, Header]]:
    if not os.path.isfile(file):
        raise UsageError(Code.FILE_UNREADABLE, f"{file} is not a file.", "name a file that `backup` wrote.")
    with store_errors(file), contextlib.closing(private_copy(file)) as source:
        fault = fault_in(source)
        if fault is not None:
            raise damaged(file, fault, "name another backup.")
        header = header_of(source)
        check_owner(file, header, project_id or header.project_id or "")
        yield source, header


def _swap(temporary: str, path: str) -> str | None:
    if os.path.lexists(path):
        # A log of another file is none of what there is to keep together.
        with contextlib.suppress(StoreError, *DRIVER_ERRORS):
            make_safe(path)
    with exchange_lock(os.path.dirname(path)), _no_writer(path):
        kept = _keep(path)
        put_in_place(temporary, path, log=None if kept is None else kept + LOG)
    return kept


@contextlib.contextmanager
def _no_writer(path: str) -> Iterator[None]:
    """While the body runs, nobody's transaction changes the file, if it is one that can be opened at all."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(StoreError, OSError, *DRIVER_ERRORS):
            raw = open_file(path, wait=BUSY_TIMEOUT)
            held.callback(raw.close)
            raw.execute("BEGIN IMMEDIATE")
        yield


def _keep(path: str) -> str | None:
    if not os.path.lexists(path):
        return None
    kept = aside_name(path)
    if os.name == "nt" or not os.path.isfile(path):
        os.rename(path, kept)
    else:
        os.link(path, kept)
    return kept


def begin_anew(data_dir: Path, known: KnownProjects, project: Project) -> None:
    """Let a project whose file is gone be one that has had none; its log, if one is left, is set aside.

    Raises:
        UsageError: `FILE_EXISTS`: its file is there.
        StoreError: `PROJECT_DELETED`, or see `store_errors`.
    """
    path = path_of(data_dir, project.known_id)
    if os.path.lexists(path):
        raise UsageError(Code.FILE_EXISTS, f"{path} is there.", "go on with it; nothing has to be begun anew.")
    with store_errors(path):
        copy = copy_of(path)
        if copy is not None:
            raise deleted(copy)
        if os.path.exists(path + LOG):
            os.rename(path + LOG, aside_name(path + LOG))
        make_folder(os.path.dirname(path))
    known.forget(project.known_id)
