"""What is left of projects that were deleted: a copy of each file, whose name says of which project and when.

A project counts as deleted while it has a copy here and no file in its own place. Blocking; standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workflow_mcp.errors import Code, StoreError, shown
from workflow_mcp.storage.sqlite.logs import open_without_log
from workflow_mcp.storage.sqlite.paths import FOLDER, SUFFIX, TRASH, id_of, trash_beside

_TIME = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(rf"([0-9a-f-]{{36}})\.(\d{{8}}T\d{{12}}Z){re.escape(SUFFIX)}")


@dataclass(frozen=True, slots=True)
class DeletedCopy:
    """The copy of a project's file that a deletion left in the trash.

    Attributes:
        file: its path.
        project_id: the project that it is of.
        deleted_at: when, UTC.
    """

    file: str
    project_id: str
    deleted_at: datetime


def new_copy(path: str, now: datetime) -> DeletedCopy:
    """Where the copy of the project's file at `path` belongs when the project is deleted now."""
    project_id = id_of(path)
    name = f"{project_id}.{now.astimezone(UTC).strftime(_TIME)}{SUFFIX}"
    return DeletedCopy(os.path.join(trash_beside(path), name), project_id, now)


def copies_in(trash: str) -> list[DeletedCopy]:
    """All copies in a trash folder, the newest first.

    Raises:
        OSError: as the functions below do: the folder is there and cannot be read.
    """
    try:
        names = os.listdir(trash)
    except FileNotFoundError:
        return []
    found = [_copy(trash, match) for match in map(_NAME.fullmatch, names) if match is not None]
    return sorted((one for one in found if one is not None), key=lambda one: one.deleted_at, reverse=True)


def _copy(trash: str, match: re.Match[str]) -> DeletedCopy | None:
    with contextlib.suppress(ValueError):
        deleted_at = datetime.strptime(match[2], _TIME).replace(tzinfo=UTC)
        return DeletedCopy(os.path.join(trash, match[0]), match[1], deleted_at)
    return None


def copy_of(path: str) -> DeletedCopy | None:
    """The newest copy of the project whose file would be at `path`; None when it was never deleted."""
    project_id = id_of(path)
    return next((one for one in copies_in(trash_beside(path)) if one.project_id == project_id), None)


def deleted_projects(data_dir: Path) -> list[DeletedCopy]:
    """The newest copy of each project that is deleted, the last deleted one first."""
    newest: dict[str, DeletedCopy] = {}
    for copy in copies_in(str(data_dir / TRASH)):
        newest.setdefault(copy.project_id, copy)
    return [one for one in newest.values() if not os.path.lexists(data_dir / FOLDER / (one.project_id + SUFFIX))]


def name_in(copy: DeletedCopy) -> str:
    """The name that a copy says; the project's id where it cannot be read."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(open_without_log(copy.file)) as raw:
        row = raw.execute("SELECT name FROM projects WHERE id = ?", [copy.project_id]).fetchone()
        return copy.project_id if row is None else str(row[0])
    return copy.project_id


def deleted_named(data_dir: Path, name: str) -> DeletedCopy | None:
    """The project of exactly this name that was deleted last; None when there is none."""
    return next((copy for copy in deleted_projects(data_dir) if name_in(copy) == name), None)


def deleted(copy: DeletedCopy) -> StoreError:
    """The error for a project that was deleted."""
    return StoreError(
        Code.PROJECT_DELETED,
        f"the project {shown(name_in(copy))} was deleted at {copy.deleted_at:%Y-%m-%d %H:%M} UTC; its work is kept in "
        f"{copy.file}.",
        f"have the user run `workflow-mcp projects restore {copy.project_id}` if it is still wanted, or choose "
        "another project.",
    )


def absent(path: str, name: str) -> StoreError:
    """The error for a project that had a file at `path` which is not there: it was deleted, or is gone."""
    copy = copy_of(path)
    return _gone(path, name) if copy is None else deleted(copy)


def _gone(path: str, name: str) -> StoreError:
    return StoreError(
        Code.STORE_NOT_FOUND,
        f"{path}, which held the work of the project {shown(name)}, is gone; no empty one was put in its place.",
        "mount or move back its folder, or run `workflow-mcp restore FILE` with a backup; `workflow-mcp restore "
        "--empty` begins anew.",
    )
