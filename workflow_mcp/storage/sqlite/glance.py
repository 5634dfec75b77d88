"""A glance at a project's file for a command that cannot wait for SQLAlchemy: the standard library, and read-only.

The statements are those of `storage/items/listing.py` for one project's file, written out.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from workflow_mcp.errors import Code, StoreError
from workflow_mcp.storage.sqlite.logs import LOG, findings_about, uri_of
from workflow_mcp.storage.sqlite.paths import FOLDER, SUFFIX, TRASH, trash_beside
from workflow_mcp.storage.sqlite.trash import DeletedCopy, copy_of, deleted, deleted_named
from workflow_mcp.work.overview import MAX_HELD, MAX_READY, HeldItem, Overview
from workflow_mcp.work.values import Counts, ItemSummary

PATIENCE = 0.1  # seconds to wait for a lock; readers hardly ever meet one
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NAME = "SELECT name FROM projects WHERE id = :project"
IDS = "SELECT id FROM projects WHERE name = :name"
COUNTS = """
SELECT CASE WHEN status IN ('completed', 'cancelled') THEN status
            WHEN status = 'in_progress' AND (claim_expires_at IS NULL OR claim_expires_at > :now) THEN status
            WHEN waits = 0 THEN 'ready' ELSE 'blocked' END AS state, count(*)
FROM items WHERE project_id = :project AND hidden_by = 0 GROUP BY state
"""
# Each branch is a run of one index in the order of the list, so that its first rows are found at once.
READY = """
SELECT * FROM (
    SELECT id, title, item_type, priority, assignee, created_at FROM items
    WHERE project_id = :project AND hidden_by = 0 AND status = 'pending' AND waits = 0
    ORDER BY priority, created_at, id LIMIT :most)
UNION ALL SELECT * FROM (
    SELECT id, title, item_type, priority, assignee, created_at FROM items
    WHERE project_id = :project AND hidden_by = 0 AND status = 'in_progress' AND waits = 0 AND claim_expires_at <= :now
    ORDER BY priority, created_at, id LIMIT :most)
ORDER BY priority, created_at, id LIMIT :most
"""
HELD = """
SELECT id, title, item_type, priority, assignee, claim_expires_at,
       CASE WHEN claim_expires_at IS NULL OR claim_expires_at > :now THEN 'in_progress'
            WHEN waits = 0 THEN 'ready' ELSE 'blocked' END
FROM items
WHERE project_id = :project AND completed_at IS NULL AND hidden_by = 0 AND status = 'in_progress'
  AND (assignee = :holder OR assignee > :holder || '/' AND assignee < :holder || '0')
ORDER BY priority, created_at, id LIMIT :most
"""


def glance(path: str, project_id: str, *, name: str, holder: str | None, now: datetime) -> Overview:
    """What the file at `path` says of its project; changes nothing in it.

    Args:
        path: where the project's file would be; where there is none, nobody has worked in the project yet.
        project_id: the project's id.
        name: its name; empty for the one that the file says.
        holder: the actor whose items count as held, and those of its subagents, `<holder>/…`; None for nobody.
        now: UTC.

    Raises:
        StoreError: `PROJECT_DELETED`; `STORE_UNREACHABLE`, when it cannot be read, for whatever reason; or
            `STORE_WRONG_PROJECT`.
    """
    if not os.path.exists(path):
        _refuse_deleted(trash_beside(path), partial(copy_of, path))
        if name:
            return Overview(name, Counts())
    values = {"project": project_id, "holder": holder, "now": (now - EPOCH) // timedelta(microseconds=1)}
    with _reading(path) as connection:
        named = connection.execute(NAME, values).fetchone()
        counted: Counter[str] = Counter(dict(connection.execute(COUNTS, values)))
        held = connection.execute(HELD, values | {"most": MAX_HELD}).fetchall()
        ready = connection.execute(READY, values | {"most": MAX_READY}).fetchall()
    if named is None:
        raise StoreError(Code.STORE_WRONG_PROJECT, f"{path} is not {project_id}'s.", "run `workflow-mcp list`.")
    return Overview(
        name or named[0],
        Counts(**counted),
        tuple(HeldItem(_summary(*row[:5], state=row[6]), _time(row[5])) for row in held),
        tuple(_summary(*row[:5], state="ready") for row in ready),
    )


def _refuse_deleted(trash: str, look: Callable[[], DeletedCopy | None]) -> None:
    try:
        copy = look()
    except OSError as error:
        raise _unreadable(trash, error) from error
    if copy is not None:
        raise deleted(copy)


def _opened(path: str) -> sqlite3.Connection:
    """A connection that reads no log but the file's own."""
    found = findings_about(path, with_index=True) if os.path.exists(path + LOG) else None
    is_safe = found is None or found.verdict == "own"
    return sqlite3.connect(uri_of(path, "ro", immutable=not is_safe), uri=True, timeout=PATIENCE)


def ids_of(data_dir: Path, name: str) -> list[str]:
    """The ids of the projects that have exactly this name; files that are none are left out.

    Raises:
        StoreError: `PROJECT_DELETED`: the only one was.
    """
    folder = data_dir / FOLDER
    try:
        files = [file for file in os.listdir(folder) if file.endswith(SUFFIX)]
    except FileNotFoundError:
        files = []
    found: list[str] = []
    for file in files:
        with contextlib.suppress(StoreError), _reading(str(folder / file)) as connection:
            found += [project_id for (project_id,) in connection.execute(IDS, {"name": name})]
    if not found:
        _refuse_deleted(str(data_dir / TRASH), partial(deleted_named, data_dir, name))
    return found


@contextlib.contextmanager
def _reading(path: str) -> Iterator[sqlite3.Connection]:
    """One transaction that can change nothing."""
    try:
        with contextlib.closing(_opened(path)) as file:
            file.execute("BEGIN")
            yield file
    except (sqlite3.Error, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> StoreError:
    return StoreError(Code.STORE_UNREACHABLE, f"{path}: {error}.", "run `workflow-mcp list`.")


def _summary(
    item_id: int, title: str, item_type: str, priority: int, assignee: str | None, *, state: str
) -> ItemSummary:
    return ItemSummary(item_id, title, item_type, state, priority, assignee)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
