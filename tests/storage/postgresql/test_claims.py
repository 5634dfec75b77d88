"""Claims that run at the same time in a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.clients.databases import Database
from tests.storage.stores import open_store
from tests.storage.support import make
from tests.support import BOUND, until
from workflow_mcp.storage.postgresql.connections import key_of
from workflow_mcp.work.values import Actor, Project


@contextmanager
def another_claim(database: Database, project: Project, item_id: int) -> Iterator[psycopg.Connection]:
    """A claim in another process that has chosen an item, and not ended."""
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT set_config('workflow.project', %s, true)", [project.known_id])
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [key_of(project.known_id)])
        connection.execute("SELECT id FROM items WHERE id = %s FOR UPDATE", [item_id])
        yield connection


async def test_claims_do_not_wait_for_each_other(database: Database, project: Project, ana: Actor) -> None:
    """What another claim is about to take is left to it, and the next is taken at once."""
    async with open_store(database) as store:
        await make(store, project, ana, "one", "two")
        with another_claim(database, project, 1):
            claimed = await asyncio.wait_for(store.claim_item(project, ana), BOUND)
            assert claimed is not None
            assert claimed.item.id == 2


async def test_nothing_is_ready_is_never_said_in_haste(database: Database, project: Project, ana: Actor) -> None:
    """Where all that is ready is about to be taken by others, a claim waits for them, and takes what they left."""
    async with open_store(database) as store:
        await make(store, project, ana, "one")
        with another_claim(database, project, 1) as other:
            claiming = asyncio.create_task(store.claim_item(project, ana))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await until(lambda: database.run(waiting) == [(1,)])
            assert not claiming.done()
            other.rollback()
        claimed = await asyncio.wait_for(claiming, BOUND)
        assert claimed is not None
        assert claimed.item.id == 1


async def test_a_claim_waits_for_other_changes(database: Database, project: Project, ana: Actor) -> None:
    """It never runs beside what may block the item that it would take."""
    async with open_store(database) as store:
        await make(store, project, ana, "one", "two")
        with psycopg.connect(database.url) as connection:
            connection.execute("SELECT set_config('workflow.project', %s, true)", [project.known_id])
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [key_of(project.known_id)])
            claiming = asyncio.create_task(store.claim_item(project, ana))
            await asyncio.wait({claiming}, timeout=0.05)
            connection.execute("UPDATE items SET waits = 1 WHERE id = 1")
            assert not claiming.done()
        claimed = await asyncio.wait_for(claiming, BOUND)
        assert claimed is not None
        assert claimed.item.id == 2
