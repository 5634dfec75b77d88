"""The store in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.clients.agents import PROJECT, Agent, make_project
from tests.clients.databases import Database
from tests.clients.peers import in_memory, isolated_settings
from tests.clients.protocol import Era
from tests.storage.support import make
from workflow_mcp import build_server
from workflow_mcp.storage.postgresql.connections import Connections, raw_of
from workflow_mcp.storage.postgresql.store import postgresql_store
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, Project


@pytest.fixture
async def kept(database: Database) -> AsyncIterator[Store]:
    """A store in a database."""
    threads = WorkerThreads()
    try:
        async with postgresql_store(database.url, threads=threads) as store:
            yield store
    finally:
        threads.close()


async def test_work_is_created_claimed_finished_and_listed(
    kept: Store, project: Project, other: Project, ana: Actor
) -> None:
    """As it is in files, each project by itself."""
    assert await make(kept, project, ana, "one", "two") == [1, 2]
    assert await make(kept, other, ana, "elsewhere") == [1]
    claimed = await kept.claim_item(project, ana)
    assert claimed is not None
    assert claimed.item.id == 1
    await kept.update_items(project, [ItemUpdate(1, status="completed")], ana)
    page = await kept.list_items(project, ItemQuery("all"))
    assert [(one.title, one.state) for one in page.items] == [("one", "completed"), ("two", "ready")]
    assert (await kept.list_projects()).projects == (project, other)


async def test_a_server_keeps_work_in_the_database_that_its_settings_name(
    database: Database, tmp_path: Path, era: Era
) -> None:
    """Nothing of it is in the data directory."""
    settings = isolated_settings(tmp_path, database_url=database.url)
    async with in_memory(build_server(settings), era) as peer:
        agent = Agent(peer)
        await agent.go(make_project(tmp_path, PROJECT))
        assert await agent.create("one", "two") == [1, 2]
        assert "#1" in await agent.told("claim_work_item", actor="ana")
        await agent.finish(1, actor="ana")
        assert await agent.titles(view="ready") == ["two"]
        assert PROJECT in await agent.told("list_projects")
    assert not (tmp_path / "data" / "projects").exists()
    assert database.run("SELECT title FROM items ORDER BY id") == [("one",), ("two",)]


def test_a_transaction_that_fails_before_its_first_statement_is_rolled_back(database: Database) -> None:
    """Its connection goes back to the pool without the project's lock, or others would wait for it."""
    connections = Connections(database.url)
    try:
        with pytest.raises(ZeroDivisionError), connections.transaction(PROJECT, lock=PROJECT):
            raise ZeroDivisionError
        assert database.run("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == [(0,)]
    finally:
        connections.close()


def test_a_connection_that_comes_back_after_another_was_lost_is_closed(database: Database) -> None:
    """When one is lost all are given up; one that was in use then, and went on, is not left open."""
    connections = Connections(database.url)
    try:
        with connections.transaction(PROJECT) as (connection, _):
            kept = raw_of(connection)
            with pytest.raises(psycopg.OperationalError), connections.transaction(PROJECT) as (other, _):
                raw_of(other).execute("SELECT pg_terminate_backend(pg_backend_pid())")
            assert not kept.closed
        assert kept.closed
        with connections.transaction(PROJECT) as (connection, _):
            again = raw_of(connection)
        assert not again.closed
    finally:
        connections.close()
    assert again.closed
