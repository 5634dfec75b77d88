"""A project's file: its path, creating, checking and upgrading it. Blocking."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from datetime import datetime

from sqlalchemy import insert

from workflow_mcp.errors import Code, StoreError, shown
from workflow_mcp.storage import tables
from workflow_mcp.storage.folders import sync_folder
from workflow_mcp.storage.sqlite.connections import Header, copy_file, exclusive, read_header
from workflow_mcp.storage.sqlite.exchange import temporary_beside
from workflow_mcp.storage.sqlite.faults import damaged, store_errors
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import LOG, state_of
from workflow_mcp.storage.sqlite.opening import is_read_only
from workflow_mcp.storage.sqlite.paths import PRIVATE_FILE, SUFFIX
from workflow_mcp.storage.sqlite.template import copy_template
from workflow_mcp.storage.sqlite.trash import absent, copy_of
from workflow_mcp.work.values import Project

PRIVATE_FOLDER = 0o700
COPY = ".backup"
MAX_COPIES = 3


def prepare(path: str, project: Project, now: datetime, known: KnownProjects, *, admin: str | None = None) -> None:
    """Create the file of a new project, check that a file is the project's, and upgrade it when it is older.

    A file that is created has `admin` as the project's first member.

    Raises:
        StoreError: `STORE_NOT_FOUND`, `PROJECT_DELETED`, `STORE_WRONG_PROJECT`, `STORE_NEWER`, or see `store_errors`.
    """
    with store_errors(path):
        if not is_there(path, project, known):
            _create(path, project, now, admin)
        if not known.knows(project.known_id):
            known.remember(project)
        header = _header(path, project)
        known.remember(Project(project.id, header.project_name or project.name))
        if is_older(header):
            _upgrade(path, now)


def _header(path: str, project: Project) -> Header:
    try:
        _make_private(path)
        header = read_header(path)
    except FileNotFoundError as error:
        # Deleted since it was looked for.
        raise absent(path, project.name) from error
    check_owner(path, header, project.known_id)
    return header


def is_there(path: str, project: Project, known: KnownProjects) -> bool:
    """Whether there is anything at `path`; False for a project that has had no file yet.

    Raises:
        StoreError: `STORE_NOT_FOUND` or `PROJECT_DELETED`, or it cannot be known, see `store_errors`.
    """
    with store_errors(path):
        # Asked first, for others may make the file meanwhile.
        has_had_one = known.knows(project.known_id) or os.path.exists(path + LOG) or copy_of(path) is not None
        try:
            os.lstat(path)
        except FileNotFoundError as error:
            has_had_one = has_had_one or copy_of(path) is not None
            if has_had_one or (known.names() and not os.path.isdir(os.path.dirname(path))):
                raise absent(path, project.name) from error
            return False
    return True


def check_owner(path: str, header: Header, project_id: str) -> None:
    """Refuse a file that belongs to another project, or has an unknown version.

    Raises:
        StoreError: `STORE_WRONG_PROJECT`, `STORE_NEWER` or `STORE_DAMAGED`.
    """
    if header.version is None or header.project_id is None:
        raise damaged(path, "it does not say which project it belongs to")
    if header.project_id != project_id:
        raise StoreError(
            Code.STORE_WRONG_PROJECT,
            f"{path} belongs to the project {shown(header.project_name)} ({header.project_id}), not to {project_id}.",
            f"move that file to {header.project_id}{SUFFIX} in its folder if that name is free.",
        )
    if header.version > tables.VERSION:
        raise StoreError(
            Code.STORE_NEWER,
            f"{path} was written by a newer workflow-mcp (format {header.version}; this one knows {tables.VERSION}).",
            "upgrade workflow-mcp and restart the server.",
        )


def is_older(header: Header) -> bool:
    """Whether a file has to be upgraded before it can be used."""
    return header.version is not None and header.version < tables.VERSION


def _make_private(path: str) -> None:
    status = os.stat(path)
    is_ours = hasattr(os, "geteuid") and status.st_uid == os.geteuid()
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and is_ours and not is_read_only(path):
        os.chmod(path, PRIVATE_FILE)


def make_folder(folder: str) -> None:
    """Create the folder of the projects' files and its parent, accessible by their owner only."""
    os.makedirs(os.path.dirname(folder), mode=PRIVATE_FOLDER, exist_ok=True)
    os.makedirs(folder, mode=PRIVATE_FOLDER, exist_ok=True)


def _create(path: str, project: Project, now: datetime, admin: str | None) -> None:
    # Created under a temporary name and linked when complete, so `path` never names an incomplete file.
    make_folder(os.path.dirname(path))
    with temporary_beside(path) as temporary:
        _fill(temporary, project, now, admin)
        _put_in_place(temporary, path)


def _fill(path: str, project: Project, now: datetime, admin: str | None) -> None:
    copy_template(path)
    with exclusive(path) as connection:
        connection.execute(
            insert(tables.projects).values(id=project.id, name=project.name, next_item_id=1, created_at=now)
        )
        if admin is not None:
            connection.execute(insert(tables.members).values(project_id=project.id, principal=admin, role="admin"))


def _put_in_place(temporary: str, path: str) -> None:
    # When two processes create the file at once, the second uses the first one's.
    with contextlib.suppress(FileExistsError):
        if os.name == "nt":
            os.rename(temporary, path)
        else:
            os.link(temporary, path)
    sync_folder(os.path.dirname(path))


def _upgrade(path: str, now: datetime) -> None:
    from workflow_mcp.storage.migrate import upgrade, version_in  # noqa: PLC0415 - Alembic takes 0.3 s to import

    with exclusive(path) as connection:
        version = version_in(connection)
        if version is None or version >= tables.VERSION:
            return
        copy = _copy_before_upgrade(path, version, now)
        try:
            upgrade(connection)
        except Exception as error:
            raise _upgrade_failed(path, version, copy, error) from error
    for old in _copies_of(path, "*")[:-MAX_COPIES]:
        os.unlink(old)


def _copy_before_upgrade(path: str, version: str, now: datetime) -> str:
    copies = _copies_of(path, version)
    # An upgrade that failed has left one, and the file as it was.
    if copies and not os.path.getsize(path + LOG) and _moment_of(copies[-1]) == _moment_of(path):
        return copies[-1]
    copy = f"{path}.{version}.{now:%Y%m%dT%H%M%S%fZ}{COPY}"
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    copy_file(path, copy)
    return copy


def _moment_of(path: str) -> tuple[int, int]:
    stamp = state_of(path).stamp
    return stamp.lineage, stamp.number


def _copies_of(path: str, version: str) -> list[str]:
    """The copies before upgrades, the oldest first."""
    return sorted(glob.glob(f"{glob.escape(path)}.{version}.*{COPY}"), key=lambda copy: copy.split(".")[-2])


def _upgrade_failed(path: str, version: str, copy: str, error: Exception) -> StoreError:
    return StoreError(
        Code.STORE_UPGRADE_FAILED,
        f"{path} could not be upgraded from format {version} to {tables.VERSION}: {error}. It is as it was, and so is "
        f"its copy {copy}.",
        "go on with the version of workflow-mcp that you had, and report this.",
    )
