"""`workflow-mcp database import-from`: projects in files are brought into a database, whole."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.clients.databases import Database
from tests.clients.processes import SERVER, start
from tests.clients.shell import Shell
from tests.clients.stdio import environment
from tests.storage.support import make, open_store
from tests.storage.test_synchronize import there
from tests.support import BOUND, until
from workflow_mcp.storage.postgresql.store import postgresql_store
from workflow_mcp.storage.tables import metadata
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.members import Member
from workflow_mcp.work.repositories import Repository
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project

ANA = Actor("ana", "/home/ana/work")
LEFT_OUT = {"notes": {"id"}, "events": {"id"}, "projects": {"boot", "booted_at"}}
Rows = dict[str, Counter[str]]


@pytest.fixture
def shell(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A user whose commands work on the database."""
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", database.url)
    return Shell(tmp_path, tmp_path, monkeypatch, capsys)


async def fill(data_dir: Path, project: Project) -> None:
    """Give a project of everything something."""
    async with open_store(data_dir) as store:
        new = [
            NewItem("epic \u2603 \U0001f600", item_type="epic", ref="e", acceptance=("works", "is tested")),
            NewItem("child", parent="e", labels=("ui", "Zoë"), description="a\nb"),
            NewItem("waits", parent="e", depends_on=(1,)),
            NewItem("gone"),
        ]
        await store.create_items(project, [new[0], *new[1:2]], ANA, request_id="plan")
        await store.create_items(project, [NewItem("waits", depends_on=(2,)), NewItem("gone")], ANA)
        await store.claim_item(project, ANA, 2)
        await store.update_items(project, [ItemUpdate(2, note="half"), ItemUpdate(1, met=(1,), evidence=("ok",))], ANA)
        await store.link_items(project, 1, 4, "relates_to", ANA)
        await store.delete_items(project, [4], ANA)
        await store.synchronize(project, [there("a"), there("b")], ANA)
        await store.add_repository(project, Repository("/home/ana/shop/.git", "git@example.org:shop", "1a2b"))
        await store.set_member(project, Member("ana", "admin"))
        await store.rename_project(project, "another name")
        await store.archive_project(project)


def rows_in_file(data_dir: Path, project: Project) -> Rows:
    """Every row of a project's file, as far as it is to be the same elsewhere."""
    with closing(sqlite3.connect(data_dir / "projects" / f"{project.id}.db")) as raw:
        raw.row_factory = sqlite3.Row
        return {name: _rows(name, map(dict, raw.execute(f"SELECT * FROM {name}"))) for name in metadata.tables}


def rows_in(database: Database, project: Project) -> Rows:
    """The same of its rows in the database."""
    with psycopg.connect(database.admin_url, row_factory=psycopg.rows.dict_row) as connection:
        return {
            name: _rows(
                name,
                connection.execute(
                    f"SELECT * FROM {name} WHERE {'id' if name == 'projects' else 'project_id'} = %s".encode(),
                    [project.id],
                ),
            )
            for name in metadata.tables
        }


def _rows(table: str, rows: Any) -> Counter[str]:
    return Counter(
        json.dumps({name: _plain(value) for name, value in row.items() if name not in LEFT_OUT.get(table, ())})
        for row in rows
    )


def _plain(value: Any) -> Any:
    # SQLite has JSON as text.
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def order_of(database: Database, project: Project) -> list[tuple[Any, ...]]:
    """What happened in a project, in its order."""
    columns = "item_id, action, actor, at"
    return database.run(f"SELECT {columns} FROM events WHERE project_id = %s ORDER BY id", project.id)


async def test_all_of_every_project_is_brought(
    tmp_path: Path, database: Database, shell: Shell, project: Project, other: Project
) -> None:
    """Every row of every table, deleted items and who did what when, too; the files are as they were."""
    data_dir = tmp_path / "data"
    await fill(data_dir, project)
    async with open_store(data_dir) as store:
        await make(store, other, ANA, *(f"item {number}" for number in range(90)))
    before = rows_in_file(data_dir, project)
    assert all(before.values()), {name for name, rows in before.items() if not rows}
    dry = await asyncio.to_thread(shell.data, "database", "import-from", str(data_dir), "--dry-run")
    assert {one["outcome"] for one in dry["projects"]} == {"moved"}
    assert not any(rows_in(database, project).values())
    done = await asyncio.to_thread(shell.data, "database", "import-from", str(data_dir))
    assert done["projects"] == [
        {"id": project.id, "name": "another name", "outcome": "moved", "items": 6, "members": 1},
        {"id": other.id, "name": "two", "outcome": "moved", "items": 90, "members": 0},
    ]
    assert (done["complete"], done["problems"], done["left_in_trash"], done["dry_run"]) == (True, [], [], False)
    for one in (project, other):
        assert rows_in(database, one) == rows_in_file(data_dir, one)
        with closing(sqlite3.connect(data_dir / "projects" / f"{one.id}.db")) as raw:
            in_file = raw.execute("SELECT item_id, action, actor, at FROM events ORDER BY id").fetchall()
        assert order_of(database, one) == in_file
    assert rows_in_file(data_dir, project) == before
    for _ in range(2):
        again = await asyncio.to_thread(shell.data, "database", "import-from", str(data_dir))
        assert {one["outcome"] for one in again["projects"]} == {"there"}
    assert rows_in(database, project) == before


async def test_a_command_that_is_killed_brought_nothing_by_halves(
    tmp_path: Path, database: Database, shell: Shell, project: Project
) -> None:
    """Killed in the middle of a project, and run again: before that there is nothing of it, then all."""
    data_dir = tmp_path / "data"
    await fill(data_dir, project)
    env = environment(tmp_path, WORKFLOW_MCP_DATABASE_URL=database.url)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    watching = psycopg.connect(database.admin_url, autocommit=True)
    with watching, psycopg.connect(database.admin_url) as other:
        # It waits for this row, with others of its own before it.
        other.execute(
            "INSERT INTO requests (project_id, request_id, digest, item_ids, at) VALUES (%s, 'plan', '', '[]', 0)",
            [project.id],
        )
        moving = start([*SERVER, "database", "import-from", str(data_dir)], cwd=tmp_path, env=env)
        try:
            await until(lambda: watching.execute(waits).fetchone() != (0,) or moving.poll() is not None)
            assert moving.poll() is None
        finally:
            moving.kill()
            moving.wait(BOUND)
            for stream in (moving.stdin, moving.stdout, moving.stderr):
                assert stream is not None
                stream.close()
        other.rollback()
    assert not any(rows_in(database, project).values())
    assert "6 items brought" in await asyncio.to_thread(shell.told, "database", "import-from", str(data_dir))
    assert rows_in(database, project) == rows_in_file(data_dir, project)


async def test_what_is_there_is_left_as_it_is(
    tmp_path: Path, database: Database, shell: Shell, project: Project, other: Project
) -> None:
    """Work in the database goes on; where the file has gone on too, that is said, and the exit code is 1."""
    data_dir = tmp_path / "data"
    async with open_store(data_dir) as store:
        await make(store, project, ANA, "one")
        await make(store, other, ANA, "one")
    await asyncio.to_thread(shell.told, "database", "import-from", str(data_dir))
    threads = WorkerThreads()
    async with postgresql_store(database.url, threads=threads) as store:
        assert await make(store, project, ANA, "two", "three") == [2, 3]
    threads.close()
    async with open_store(data_dir) as store:
        await make(store, other, ANA, "of the file")
    before = rows_in(database, project), rows_in(database, other)

    def again() -> list[str]:
        assert shell.run("database", "import-from", str(data_dir)) == 1
        return shell.printed().splitlines()

    assert await asyncio.to_thread(again) == [
        f'"one"  {project.id}  there already',
        f'"two"  {other.id}  differs: the database knows another history of it, and was left as it is',
    ]
    assert (rows_in(database, project), rows_in(database, other)) == before


async def test_an_empty_project_is_filled(tmp_path: Path, database: Database, shell: Shell, project: Project) -> None:
    """One that a server has made in the database, and nobody has worked in."""
    data_dir = tmp_path / "data"
    await fill(data_dir, project)
    threads = WorkerThreads()
    async with postgresql_store(database.url, threads=threads) as store:
        await store.ensure(project)
    threads.close()
    await asyncio.to_thread(shell.told, "database", "import-from", str(data_dir))
    assert rows_in(database, project) == rows_in_file(data_dir, project)


async def test_what_cannot_be_brought_is_said(
    tmp_path: Path, database: Database, shell: Shell, project: Project, other: Project
) -> None:
    """A damaged file hides no other; deleted projects stay in the trash; the exit code is 1."""
    data_dir, deleted = tmp_path / "data", Project("33333333-3333-4333-8333-333333333333", "three")
    async with open_store(data_dir) as store:
        for one in (project, other, deleted):
            await make(store, one, ANA, "one")
    (data_dir / "projects" / f"{other.id}.db").write_bytes(b"?" * 5000)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.delenv("WORKFLOW_MCP_DATABASE_URL")
    await asyncio.to_thread(shell.told, "projects", "delete", "three")
    monkeypatch.undo()

    def run() -> dict[str, Any]:
        assert shell.run("database", "import-from", str(data_dir), "--json") == 1
        report: dict[str, Any] = json.loads(shell.printed())
        assert shell.run("database", "import-from", str(data_dir), "--dry-run") == 1
        lines = shell.printed().splitlines()
        assert lines[1].startswith("! STORE_DAMAGED: ")
        assert lines[2] == f"1 deleted stay in the trash: {data_dir / 'trash'}"
        return report

    report = await asyncio.to_thread(run)
    assert [(one["name"], one["outcome"]) for one in report["projects"]] == [("one", "moved")]
    assert not report["complete"]
    (problem,) = report["problems"]
    assert problem.startswith("STORE_DAMAGED: ")
    (left,) = report["left_in_trash"]
    assert left.startswith(str(data_dir / "trash" / deleted.known_id))
    assert rows_in(database, project) == rows_in_file(data_dir, project)


def test_where_there_is_nothing_to_bring(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """No data directory, no projects, no database: a line each."""
    assert shell.refused("database", "import-from", str(tmp_path)) == "2 FILE_UNREADABLE"
    (tmp_path / "old" / "projects").mkdir(parents=True)
    assert shell.told("database", "import-from", "old") == "There are no projects there.\n"
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", f"{database.url}_gone")
    assert shell.refused("database", "import-from", "old") == "1 STORE_REFUSED"
    monkeypatch.delenv("WORKFLOW_MCP_DATABASE_URL")
    assert shell.refused("database", "import-from", "old") == "2 SETTING_INVALID"
