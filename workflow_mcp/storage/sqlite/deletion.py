"""Deleting a project, which moves its work into the trash, and taking it out of there again. Blocking."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.storage.folders import sync_folder
from workflow_mcp.storage.sqlite.backups import Backup, Restored, back_up, restore
from workflow_mcp.storage.sqlite.exchange import exchange_lock
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, store_error, store_errors
from workflow_mcp.storage.sqlite.files import make_folder
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.locks import file_lock
from workflow_mcp.storage.sqlite.logs import INDEX, LOG
from workflow_mcp.storage.sqlite.opening import is_read_only, open_file
from workflow_mcp.storage.sqlite.paths import path_of, trash_beside
from workflow_mcp.storage.sqlite.trash import absent, copy_of, new_copy


def delete(data_dir: Path, known: KnownProjects, project_id: str, now: datetime) -> Backup:
    """Put a whole copy of a project's file into the trash, with every acknowledged change, and take the file away.

    Servers that have it open notice before their next transaction; the error that they raise then names the copy.

    Raises:
        StoreError: the file is not whole, cannot be written or is not there: nothing was changed.
    """
    path = path_of(data_dir, project_id)
    with store_errors(path), _alone(path):
        if not os.path.lexists(path):
            raise absent(path, known.names().get(project_id, project_id))
        if is_read_only(path):
            raise store_error(path, "read-only", None)
        with contextlib.closing(open_file(path, wait=BUSY_TIMEOUT)) as raw, exchange_lock(os.path.dirname(path)):
            # From here on nobody can change what is copied.
            raw.execute("BEGIN IMMEDIATE")
            done = back_up(data_dir, project_id, new_copy(path, now).file)
            _take_away(path, done.file)
    known.forget(project_id)
    return done


def discard(data_dir: Path, known: KnownProjects, project_id: str) -> None:
    """Take the file of a project away in which nothing was done yet, and leave nothing of it.

    Raises:
        StoreError: the file cannot be used.
    """
    path = path_of(data_dir, project_id)
    with store_errors(path), _alone(path), contextlib.closing(open_file(path, wait=BUSY_TIMEOUT)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        if raw.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None:
            return
        _unlink(path)
    known.forget(project_id)


def _take_away(path: str, copy: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        os.unlink(copy)
        raise
    _unlink(path)


def _unlink(path: str) -> None:
    """Remove a project's file, if it is there yet, and what is beside it."""
    for one in (path, path + LOG, path + INDEX):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(one)
    sync_folder(os.path.dirname(path))


def undelete(data_dir: Path, known: KnownProjects, project_id: str) -> Restored:
    """Put the newest copy of a deleted project back in its place, and take it out of the trash; only one caller can.

    Raises:
        UsageError: `FILE_EXISTS`: the project is there.
        StoreError: `STORE_NOT_FOUND`: the trash has nothing of it; or see `restore`. Nothing was changed.
    """
    path = path_of(data_dir, project_id)
    with store_errors(path), _alone(path):
        if os.path.lexists(path):
            raise UsageError(Code.FILE_EXISTS, f"{path} is there.", "go on with it; the project is not deleted.")
        copy = copy_of(path)
        if copy is None:
            raise absent(path, known.names().get(project_id, project_id))
        done = restore(data_dir, known, copy.file, project_id)
        os.unlink(copy.file)
    return done


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """While its body runs, nobody else deletes a project or takes one out of the trash."""
    trash = trash_beside(path)
    make_folder(trash)
    with file_lock(os.path.join(trash, ".lock"), of=trash):
        yield
