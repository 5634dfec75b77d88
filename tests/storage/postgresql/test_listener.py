"""Hearing of what others commit in a PostgreSQL database."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
import pytest

from tests.clients.databases import Database
from tests.storage.stores import open_store
from tests.storage.support import make
from tests.support import BOUND, until
from workflow_mcp.storage.postgresql import databases, listener
from workflow_mcp.storage.postgresql.connections import LISTENERS
from workflow_mcp.storage.postgresql.databases import PostgresqlDatabases
from workflow_mcp.storage.postgresql.listener import Listener
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Project

LISTENING = "FROM pg_stat_activity WHERE query LIKE 'LISTEN %%' AND datname = current_database()"


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is told is noticed."""
    for name in ("LOOK_SECONDS", "HEARING_SECONDS"):
        monkeypatch.setattr(databases, name, 10 * BOUND)


def listener_of(store: Store) -> Listener:
    """What hears for a store."""
    assert isinstance(store._databases, PostgresqlDatabases)
    assert store._databases._listener is not None
    return store._databases._listener


async def test_what_another_commits_is_told(database: Database, project: Project, ana: Actor) -> None:
    """To all who read, and to who waits for an item; when nobody does any more, nobody listens."""
    async with open_store(database) as here, open_store(database) as there:
        await here.ensure(project)
        async with here.changes(project) as one, here.changes(project) as two:
            await until(lambda: listener_of(here).hears)
            # It looked once more when it began to hear.
            await asyncio.sleep(0)
            await make(there, project, ana, "one")
            assert [await reader.next(BOUND) for reader in (one, two)] == [True, True]
        waiting = asyncio.create_task(here.claim_item(project, ana, 1))
        assert (await waiting) is not None
        claiming = asyncio.create_task(here.claim_item(project, Actor("bob", "/"), wait_seconds=BOUND))
        await until(lambda: listener_of(here).hears)
        await make(there, project, ana, "two")
        claimed = await asyncio.wait_for(claiming, BOUND)
        assert claimed is not None
        assert claimed.item.id == 2
        await until(lambda: not listener_of(here).hears)
        await until(lambda: database.run(f"SELECT count(*) {LISTENING}", project="") == [(0,)])


async def test_without_listeners_nothing_is_notified(database: Database, project: Project, ana: Actor) -> None:
    """What is committed while nobody shares the lock is told to nobody."""
    async with open_store(database) as store:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(f"LISTEN {listener.CHANNEL}".encode())
            await make(store, project, ana, "one")
            connection.execute("SELECT pg_advisory_lock_shared(%s)", [LISTENERS])
            await make(store, project, ana, "two", "three")
            await store.list_projects()
            told = [notice.payload for notice in connection.notifies(timeout=BOUND, stop_after=1)]
            assert told == [project.known_id]
            assert list(connection.notifies(timeout=0)) == []


async def test_a_lost_listener_is_replaced(
    database: Database, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed meanwhile is noticed when it hears again."""
    monkeypatch.setattr(listener, "RETRY_SECONDS", 0.01)
    async with open_store(database) as here, open_store(database) as there:
        await here.ensure(project)
        async with here.changes(project) as changes:
            await until(lambda: listener_of(here).hears)
            while await changes.next(0):
                pass
            for title in ("one", "two"):
                with suppress(psycopg.Error):
                    database.run(f"SELECT pg_terminate_backend(pid) {LISTENING}", project="")
                await make(there, project, ana, title)
                assert await changes.next(BOUND)


async def test_it_is_looked_for_while_something_may_be_missed(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as without a listener, until a writer that found nobody to tell has had time to commit."""
    async with open_store(database) as store:
        await store.ensure(project)
        assert isinstance(store._databases, PostgresqlDatabases)
        async with store.changes(project):
            await until(lambda: listener_of(store).hears)
            assert store._databases._look_seconds() == 10 * BOUND
            monkeypatch.setattr(listener, "SETTLE_SECONDS", 0.0)
            monkeypatch.setattr(databases, "HEARING_SECONDS", 77.0)
            await until(lambda: store._databases._look_seconds() == 77.0)  # type: ignore[attr-defined]  # see above
