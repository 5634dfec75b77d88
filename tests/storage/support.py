"""What several tests of the store use."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.clients.workers import Worker
from tests.storage.stores import open_store, titles
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Item, ItemQuery, NewItem, Project

__all__ = ["open_store", "titles"]

ROOT = Path(__file__).parents[2]


async def refused(code: str, call: Awaitable[Any]) -> WorkflowError:
    """The error with this code that the call must end in: one line, with a next step."""
    with pytest.raises(WorkflowError) as caught:
        await call
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    assert " Next: " in str(caught.value)
    return caught.value


async def make(store: Store, project: Project, actor: Actor, *titles: str) -> list[int]:
    """The ids of new plain items."""
    return [item.id for item in (await store.create_items(project, [NewItem(title) for title in titles], actor)).items]


async def item(store: Store, project: Project, item_id: int) -> Item:
    """One item as it is now."""
    return (await store.get_item(project, item_id)).item


async def ids(store: Store, project: Project, view: str = "all", **filters: Any) -> list[int]:
    """The ids that a view lists, over all its pages."""
    found: list[int] = []
    cursor = None
    while True:
        page = await store.list_items(project, ItemQuery(view, cursor=cursor, **filters))
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


def file_of(data_dir: Path, project: Project) -> Path:
    """The project's file."""
    return data_dir / "projects" / f"{project.id}.db"


def raw(path: Path, sql: str, *parameters: Any) -> list[Any]:
    """What a statement returns, run past the store."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, parameters).fetchall()


def check_invariants(path: Path) -> None:
    """The stored waits are what links, ancestors' links and parents say, and every change has its event."""
    wrong = raw(
        path,
        """
        SELECT i.id, i.waits,
          (SELECT count(*) FROM links l JOIN items b ON b.id = l.source_id
           WHERE l.kind = 'blocks' AND l.target_id = i.id AND b.completed_at IS NULL AND b.hidden_by = 0) +
          (SELECT count(*) FROM items c WHERE c.parent_id = i.id AND c.completed_at IS NULL AND c.hidden_by = 0) +
          (WITH RECURSIVE above (id) AS (
             SELECT i.parent_id UNION ALL SELECT p.parent_id FROM above JOIN items p ON p.id = above.id)
           SELECT count(*) FROM above JOIN links l ON l.target_id = above.id AND l.kind = 'blocks'
           JOIN items b ON b.id = l.source_id WHERE b.completed_at IS NULL AND b.hidden_by = 0 AND above.id NOT IN (
             WITH RECURSIVE around (id) AS (
               SELECT b.parent_id UNION ALL SELECT p.parent_id FROM around JOIN items p ON p.id = around.id)
             SELECT id FROM around WHERE id IS NOT NULL)) AS due
        FROM items i WHERE waits <> due
        """,
    )
    assert wrong == []
    assert raw(path, "SELECT id FROM items WHERE id NOT IN (SELECT item_id FROM events)") == []
    assert raw(path, "SELECT id FROM items WHERE id NOT IN (SELECT item_id FROM item_texts)") == []
    # SQLite raises when the index and the texts are not of one mind.
    raw(path, "INSERT INTO item_trigrams (item_trigrams, rank) VALUES ('integrity-check', 1)")
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw(path, "PRAGMA foreign_key_check") == []


async def start_worker(*arguments: str | Path) -> Worker:
    """A process of its own that works on a store; see `worker.py`."""
    return await Worker.start("-m", "tests.storage.worker", *arguments)


async def finished(worker: Worker, given: bytes = b"") -> list[str]:
    """The lines of a worker that ended well."""
    out, err = await asyncio.wait_for(worker.communicate(given), 150)
    assert worker.returncode == 0, err.decode()
    return out.decode().splitlines()


linux_only = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="only Linux lists the open files of a process there"
)


def open_files(folder: Path) -> int:
    """How many files in a folder this process has open."""
    return sum(path.resolve().is_relative_to(folder) for path in Path("/proc/self/fd").iterdir())
