"""What several tests of the store use."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.clients.databases import Database
from tests.clients.workers import Worker
from tests.storage.stores import DataPlace, open_store, titles
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Item, ItemQuery, NewItem, Project

__all__ = ["DataPlace", "open_store", "titles"]

ROOT = Path(__file__).parents[2]


# For tests that are about files.
in_files = pytest.mark.parametrize("place", ["files"], indirect=True)


@dataclass(frozen=True)
class Rows:
    """A project's rows in a database."""

    database: Database
    project: Project


# What holds one project's data: a file, or rows.
Data = Path | Rows


@contextmanager
def emptied(place: DataPlace) -> Iterator[DataPlace]:
    """A new folder, or the database without what was in it."""
    if isinstance(place, Database):
        place.clear()
        yield place
    else:
        with TemporaryDirectory() as folder:
            yield Path(folder)


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


def data_of(place: DataPlace, project: Project) -> Data:
    """What holds the project's data in a place."""
    return Rows(place, project) if isinstance(place, Database) else file_of(place, project)


def raw(data: Data, sql: str, *parameters: Any) -> list[Any]:
    """What a statement returns, run past the store; it sees the project's rows alone."""
    if isinstance(data, Rows):
        return data.database.run(sql.replace("?", "%s"), *parameters, project=data.project.known_id)
    with closing(sqlite3.connect(data)) as connection, connection:
        return connection.execute(sql, parameters).fetchall()


def check_invariants(data: Data) -> None:
    """The stored waits are what links, ancestors' links and parents say, and every change has its event."""
    wrong = raw(
        data,
        """
        SELECT * FROM (SELECT i.id, i.waits,
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
        FROM items i) AS counted WHERE waits <> due
        """,
    )
    assert wrong == []
    assert raw(data, "SELECT id FROM items WHERE id NOT IN (SELECT item_id FROM events)") == []
    assert raw(data, "SELECT id FROM items WHERE id NOT IN (SELECT item_id FROM item_texts)") == []
    if isinstance(data, Path):
        _check_file(data)


def _check_file(path: Path) -> None:
    # SQLite raises when the index and the texts are not of one mind.
    raw(path, "INSERT INTO item_trigrams (item_trigrams, rank) VALUES ('integrity-check', 1)")
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw(path, "PRAGMA foreign_key_check") == []


async def start_worker(place: DataPlace, *arguments: str | Path) -> Worker:
    """A process of its own that works on a store; see `worker.py`."""
    name = place.url if isinstance(place, Database) else place
    return await Worker.start("-m", "tests.storage.worker", name, *arguments)


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
