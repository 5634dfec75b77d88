"""Row level security: what the database itself keeps apart, whatever a statement asks for."""

from __future__ import annotations

import functools
import gc
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import ColumnElement, FromClause, String, bindparam, delete, func, select, update

from tests.clients.databases import Database
from tests.storage.stores import open_store
from tests.storage.support import make
from tests.storage.test_isolation import _something
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage import tables, transactions
from workflow_mcp.storage.items import listing
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.tables import events, items, metadata
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, Transaction
from workflow_mcp.work.values import Actor, ItemQuery, NewItem, Project

OPERATIONS = 150


async def two_projects(store: Store, project: Project, other: Project, ana: Actor) -> None:
    """An item in each."""
    await make(store, project, ana, "mine")
    await make(store, other, ana, "theirs")


def test_every_table_that_is_a_project_s_is_protected(database: Database) -> None:
    """Forced, so that it binds the owner too; the role that serves owns no table and passes no policy."""
    found = dict(
        database.run(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AND pg_get_userbyid(relowner) LIKE 'owner_%%' "
            "FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND %s::text <> ''",
            "any",
        )
    )
    of_projects = {one.name for one in metadata.sorted_tables if "project_id" in one.c} | {tables.projects.name}
    assert {name for name, is_protected in found.items() if is_protected} == of_projects
    assert len(of_projects) > 10


async def test_a_statement_that_forgets_its_project_sees_its_own(
    database: Database, project: Project, other: Project, ana: Actor
) -> None:
    """And changes only that: without any condition, a list, an update and a removal reach one project's rows."""

    def forgetful(tx: Transaction) -> list[str]:
        found = list(tx.connection.execute(select(items.c.title)).scalars())
        tx.connection.execute(update(items).values(title="changed"))
        tx.connection.execute(delete(events))
        return found

    async with open_store(database) as store:
        await two_projects(store, project, other, ana)
        async with store._databases.use(project) as opened:
            assert await opened.write(forgetful) == ["mine"]
    assert database.run("SELECT title FROM items ORDER BY title") == [("changed",), ("theirs",)]
    assert database.run("SELECT project_id FROM events") == [(other.known_id,)]


async def test_a_row_of_another_project_cannot_be_written(
    database: Database, project: Project, other: Project, ana: Actor
) -> None:
    """Nor be given away: what a transaction writes is its own project's."""

    def foreign(tx: Transaction) -> None:
        replace(tx, project_id=other.known_id).add(tables.labels, [{"item_id": 1, "label": "x"}])

    def given_away(tx: Transaction) -> None:
        tx.connection.execute(update(items).values(project_id=other.known_id, id=7))

    async with open_store(database) as store:
        await two_projects(store, project, other, ana)
        async with store._databases.use(project) as opened:
            for work in (foreign, given_away):
                with pytest.raises(WorkflowError, match="row-level security") as caught:
                    await opened.write(work)
                assert caught.value.code == "STORE_REFUSED"
            wrong = await opened.read(lambda tx: listing.list_page(replace(tx, project_id=other.known_id), ItemQuery()))
            assert (wrong.items, wrong.counts.total) == ((), 0)
    assert database.run("SELECT count(*) FROM items WHERE project_id = %s", project.known_id) == [(1,)]


async def test_where_no_project_is_named_there_is_none(
    database: Database, project: Project, other: Project, ana: Actor
) -> None:
    """Not one row of any table; and what lists projects sees who they are and nothing of their work."""
    async with open_store(database) as store:
        await two_projects(store, project, other, ana)
    catalogue = {"projects", "members"}
    protected = [one for one in metadata.sorted_tables if "project_id" in one.c or one is tables.projects]
    with psycopg.connect(database.url) as connection:
        for name in (None, "*"):
            if name is not None:
                connection.execute("SELECT set_config('workflow.project', %s, true)", [name])
            for table in protected:
                (count,) = connection.execute(f"SELECT count(*) FROM {table.name}".encode()).fetchall()[0]
                assert count == 0 or (name == "*" and table.name in catalogue), table.name


@pytest.fixture
def unfiltered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store's statements without the condition that limits them to their project."""

    def anything(table: FromClause) -> ColumnElement[bool]:
        # It names the parameter, which statements that change something must use.
        return bindparam(PROJECT_PARAMETER, type_=String()) != func.concat("nobody", table.c.project_id)

    with monkeypatch.context() as patched:
        patched.setattr(transactions, "stored_in_project", anything)
        forget_statements()
        yield
    forget_statements()


def forget_statements() -> None:
    """Let all statements be built anew."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and str(found.__module__).startswith("workflow_mcp.storage"):
            found.cache_clear()


@pytest.mark.usefixtures("unfiltered")
async def test_projects_are_kept_apart_without_the_server_s_own_filter(
    database: Database, project: Project, other: Project
) -> None:
    """Random work in two projects at once, though no statement says which project it is about."""
    choose, size = random.Random(7), {project.known_id: 0, other.known_id: 0}
    statement = str(select(items.c.id).where(transactions.in_project(items)))
    assert "items.project_id =" not in statement
    async with open_store(database) as store:
        for _ in range(OPERATIONS):
            here = choose.choice((project, other))
            shown = await answer(store, here, choose, size)
            assert f"of {'two' if here is project else 'one'}" not in shown
        for one in (project, other):
            await store.create_items(one, [NewItem(f"the last of {one.name}")], Actor("x", "/"))
            page = await store.list_items(one, ItemQuery("all", limit=200))
            assert page.counts.total == size[one.known_id] + 1
            assert f"of {'two' if one is project else 'one'}" not in str([record async for record in store.export(one)])


async def answer(store: Store, project: Project, choose: random.Random, size: dict[str, int]) -> str:
    """What comes of something random."""
    actor: Any = Actor(f"of {project.name}", f"/of {project.name}")
    try:
        return await _something(store, project, actor, choose, size)
    except WorkflowError as error:
        return str(error)
