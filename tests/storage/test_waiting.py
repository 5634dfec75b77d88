"""Those who wait for an item to become ready: who gets it, when, and what is left of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, Row

from tests.storage.recovery.support import live
from tests.storage.support import DataPlace, file_of, in_files, item, make, open_store, raw, refused
from tests.support import BOUND, FakeClock, until
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.changes import Feed
from workflow_mcp.storage.postgresql.databases import PostgresqlDatabases
from workflow_mcp.storage.sqlite import database
from workflow_mcp.storage.sqlite.backups import back_up, restore
from workflow_mcp.storage.sqlite.databases import SqliteDatabases
from workflow_mcp.storage.sqlite.deletion import delete
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.statements import run
from workflow_mcp.storage.store import Store
from workflow_mcp.work.results import Claim
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project

LONG = 10 * BOUND
Wait = Coroutine[Any, Any, Claim | None]


def waiters(store: Store) -> int:
    """How many wait."""
    return len(store._queues)


async def started(store: Store, *waits: Wait) -> list[asyncio.Task[Claim | None]]:
    """These claims, each waiting."""
    tasks = []
    for wait in waits:
        tasks.append(asyncio.create_task(wait))
        await until(lambda: waiters(store) == len(tasks))
    return tasks


async def claimed(task: Awaitable[Claim | None]) -> int:
    """The id of the item that somebody gets who waits."""
    claim = await asyncio.wait_for(task, BOUND)
    assert claim is not None
    return claim.item.id


async def complete(store: Store, project: Project, actor: Actor, *ids: int) -> None:
    """Finish items."""
    await store.update_items(project, [ItemUpdate(one, status="completed") for one in ids], actor)


async def blocked(store: Store, project: Project, actor: Actor) -> tuple[int, int]:
    """An item that its actor holds, and one that waits for it."""
    plan = [NewItem("first", ref="a"), NewItem("second", depends_on=("a",))]
    first, second = (one.id for one in (await store.create_items(project, plan, actor)).items)
    await store.claim_item(project, actor, first)
    return first, second


async def test_what_is_ready_is_claimed_at_once(store: Store, project: Project, ana: Actor) -> None:
    """Waiting changes nothing about a claim that need not wait; afterwards nobody waits."""
    (one,) = await make(store, project, ana, "one")
    assert await claimed(store.claim_item(project, ana, wait_seconds=LONG)) == one
    assert waiters(store) == 0


async def test_a_waiter_gets_what_becomes_ready(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """As soon as its blocker is finished."""
    first, second = await blocked(store, project, ana)
    (wait,) = await started(store, store.claim_item(project, bob, wait_seconds=LONG))
    await complete(store, project, ana, first)
    assert await claimed(wait) == second
    assert (await item(store, project, second)).assignee == "bob"


@in_files
async def test_waiting_in_vain_changes_nothing(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """When the time is over there is nothing, and no transaction was written meanwhile."""
    await blocked(store, project, ana)
    before = raw(file_of_store(store, project), "PRAGMA user_version")
    assert await store.claim_item(project, bob, wait_seconds=0.01) is None
    assert raw(file_of_store(store, project), "PRAGMA user_version") == before


def file_of_store(store: Store, project: Project) -> Path:
    """The project's file."""
    return file_of(databases_of(store)._data_dir, project)


def databases_of(store: Store) -> SqliteDatabases:
    """What holds its files."""
    assert isinstance(store._databases, SqliteDatabases)
    return store._databases


def feeds_of(store: Store) -> Mapping[str, Feed]:
    """What watches projects, by their ids."""
    assert isinstance(store._databases, SqliteDatabases | PostgresqlDatabases)
    return store._databases._feeds._read


async def test_another_process_finishes_the_blocker(
    store: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """What other processes commit wakes as well."""
    await store.ensure(project)
    (wait,) = await started(store, store.claim_item(project, ana, wait_seconds=LONG))
    async with live(place, project) as server:
        await server.make("there")
        assert await claimed(wait) == 1


async def test_each_item_goes_to_one_in_the_order_in_which_they_came(
    store: Store, project: Project, ana: Actor
) -> None:
    """Ten wait, three items come, at once: the first three have one each, and the others go on waiting."""
    await store.ensure(project)
    actors = [Actor(f"w{number}", "/w") for number in range(10)]
    waits = await started(store, *(store.claim_item(project, actor, wait_seconds=LONG) for actor in actors))
    ids = await make(store, project, ana, "one", "two", "three")
    assert {await claimed(wait) for wait in waits[:3]} == {*ids}
    assert waiters(store) == 7
    (four,) = await make(store, project, ana, "four")
    assert await claimed(waits[3]) == four
    for wait in waits[4:]:
        wait.cancel()
    await asyncio.wait(waits)


async def test_one_item_two_stores(
    store: Store, place: DataPlace, project: Project, ana: Actor, clock: FakeClock
) -> None:
    """Two who wait in two stores: one gets the item, the other goes on waiting and gets the next."""
    bob = Actor("bob", "/b")
    async with open_store(place, clock=clock) as other:
        await store.ensure(project)
        (here,) = await started(store, store.claim_item(project, ana, wait_seconds=LONG))
        (there,) = await started(other, other.claim_item(project, bob, wait_seconds=LONG))
        (one,) = await make(store, project, ana, "one")
        done, _ = await asyncio.wait({here, there}, timeout=BOUND, return_when=asyncio.FIRST_COMPLETED)
        (winner,) = done
        (loser,) = {here, there} - done
        assert await claimed(winner) == one
        (two,) = await make(other, project, ana, "two")
        assert await claimed(loser) == two


async def test_only_what_is_wanted_wakes(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """By type, by label, and nothing that is assigned to another."""
    await store.ensure(project)
    bug, label, any_ = await started(
        store,
        store.claim_item(project, ana, item_type="bug", wait_seconds=LONG),
        store.claim_item(project, ana, label="ui", wait_seconds=LONG),
        store.claim_item(project, ana, wait_seconds=LONG),
    )
    plan = [NewItem("bob's", assignee="bob"), NewItem("bug", item_type="bug"), NewItem("ui", labels=("ui",))]
    await store.create_items(project, plan, bob)
    assert (await claimed(bug), await claimed(label)) == (2, 3)
    assert waiters(store) == 1
    assert await make(store, project, bob, "plain") == [4]
    assert await claimed(any_) == 4


async def test_a_lease_that_ends_wakes(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """At that time, though nobody changes anything."""
    (one,) = await make(store, project, ana, "one")
    await store.claim_item(project, ana, lease=timedelta(seconds=1))
    # Most of the lease is over; what is left is what a waiter waits for.
    clock.advance(0.9)
    (wait,) = await started(store, store.claim_item(project, bob, wait_seconds=LONG))
    clock.advance(0.1)
    assert await claimed(wait) == one


@pytest.mark.parametrize("how", ["release", "delete", "restore", "unlink", "import", "reopen"])
async def test_whatever_makes_an_item_ready_wakes(
    store: Store, tmp_path: Path, project: Project, ana: Actor, how: str
) -> None:
    """Giving it up, deleting what it waits for, bringing it back, removing the link, importing it, reopening it."""
    bob = Actor("bob", "/b")
    first, second = await blocked(store, project, ana)
    (third,) = await make(store, project, ana, "third")
    await store.delete_items(project, [third], ana)
    async with open_store(tmp_path / "source") as source:
        await make(source, project, ana, "imported")
        records = [record async for record in source.export(project)]
    (wait,) = await started(store, store.claim_item(project, bob, wait_seconds=LONG))
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "release": lambda: store.update_items(project, [ItemUpdate(first, status="pending")], ana),
        "delete": lambda: store.delete_items(project, [first], ana),
        "restore": lambda: store.delete_items(project, [third], ana, restore=True),
        "unlink": lambda: store.link_items(project, first, second, "blocks", ana, remove=True),
        "import": lambda: store.import_items(project, records, ana),
        "reopen": lambda: store.update_items(
            project, [ItemUpdate(first, status="cancelled"), ItemUpdate(second, status="completed")], ana
        ),
    }
    await ways[how]()
    if how == "reopen":
        await store.update_items(project, [ItemUpdate(first, status="pending")], ana)
    assert await claimed(wait) in {
        "release": {first},
        "restore": {third},
        "import": {4},
        "reopen": {first, second},
    }.get(how, {second})


async def test_an_item_can_be_waited_for(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """Until its blocker is finished, or its holder has given it up; meanwhile others may come and go."""
    first, second = await blocked(store, project, ana)
    for_second, for_first = await started(
        store,
        store.claim_item(project, bob, second, wait_seconds=LONG),
        store.claim_item(project, bob, first, wait_seconds=LONG),
    )
    await make(store, project, ana, "another")
    await store.update_items(project, [ItemUpdate(first, status="pending", assignee=None)], ana)
    assert await claimed(for_first) == first
    assert waiters(store) == 1
    await complete(store, project, bob, first)
    assert await claimed(for_second) == second


async def test_an_item_that_is_not_to_be_had_is_not_waited_for(
    store: Store, project: Project, ana: Actor, bob: Actor
) -> None:
    """Unknown, deleted, finished: the same error as without waiting, at once or when it comes to that."""
    done, gone, finished, deleted = await make(store, project, ana, "done", "gone", "finished", "deleted")
    await complete(store, project, ana, done)
    await store.delete_items(project, [gone], ana)
    for item_id, code in ((done, "ITEM_NOT_READY"), (gone, "ITEM_DELETED"), (99, "ITEM_NOT_FOUND")):
        await refused(code, store.claim_item(project, bob, item_id, wait_seconds=LONG))
    for item_id in (finished, deleted):
        await store.claim_item(project, ana, item_id)
    waits = await started(
        store, *(store.claim_item(project, bob, one, wait_seconds=LONG) for one in (finished, finished, deleted))
    )
    await complete(store, project, ana, finished)
    await store.delete_items(project, [deleted], ana)
    for wait, code in zip(waits, ("ITEM_NOT_READY", "ITEM_NOT_READY", "ITEM_DELETED"), strict=True):
        await refused(code, asyncio.wait_for(wait, BOUND))


async def test_a_repeated_request_does_not_wait(store: Store, project: Project, ana: Actor) -> None:
    """It gives the same item, also to a call that still waits for the first answer."""
    await store.ensure(project)
    both = await started(store, *(store.claim_item(project, ana, request_id="r", wait_seconds=LONG) for _ in range(2)))
    (one, _) = await make(store, project, ana, "one", "two")
    assert [await claimed(wait) for wait in both] == [one, one]
    assert await claimed(store.claim_item(project, ana, request_id="r", wait_seconds=LONG)) == one


async def test_who_leaves_leaves_nothing_behind(store: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """No task, nobody in a queue, no file in use; and what it was offered goes to the next."""
    await store.ensure(project)
    before = asyncio.all_tasks()
    actors = [Actor(f"w{number}", "/w") for number in range(50)]
    waits = await started(store, *(store.claim_item(project, actor, wait_seconds=LONG) for actor in actors))
    # What offers items, what looks for changes, and what is told of them by a database.
    others = 2 if isinstance(place, Path) else 3
    await until(lambda: len(asyncio.all_tasks() - before) == len(waits) + others)
    making = asyncio.create_task(make(store, project, ana, "one"))
    for wait in waits[:-1]:
        wait.cancel()
    (one,) = await making
    done = [wait for wait in waits if not wait.cancelled() and wait.done()]
    assert await claimed(done[0] if done else waits[-1]) == one
    waits[-1].cancel()
    await asyncio.wait(waits)
    await until(lambda: asyncio.all_tasks() <= {*before, asyncio.current_task()})
    assert waiters(store) == 0
    if isinstance(place, Path):
        assert [database.users for database in databases_of(store)._open.values()] == [0]


@in_files
async def test_many_who_wait_cost_what_one_costs(
    store: Store, project: Project, ana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing happens: no statement but the look, however many wait; a change is looked at once for all."""
    await blocked(store, project, ana)
    statements: list[object] = []

    def counted(connection: Connection, statement: Executable, values: Any) -> Sequence[Row[Any]]:
        statements.append(statement)
        return run(connection, statement, values)

    actors = [Actor(f"w{number}", "/w") for number in range(50)]
    waits = await started(store, *(store.claim_item(project, actor, wait_seconds=LONG) for actor in actors))
    await until(lambda: is_watched(store, project))
    looks = counted_looks(store, project)
    await until(lambda: len(looks) >= 2)
    monkeypatch.setattr(database, "run", counted)
    try:
        first = len(looks)
        await until(lambda: len(looks) >= first + 3)
        assert statements == []
        await store.update_items(project, [ItemUpdate(2, note="a note")], ana)
        written, first = len(statements), len(looks)
        await until(lambda: len(looks) >= first + 3)
        assert len(statements) - written <= 3
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


def is_watched(store: Store, project: Project) -> bool:
    """Whether somebody looks for changes in the project."""
    return project.known_id in feeds_of(store)


def counted_looks(store: Store, project: Project) -> list[None]:
    """Grows with every look at whether there are changes."""
    feed = feeds_of(store)[project.known_id]
    look, looks = feed._look, list[None]()

    async def counting() -> object:
        looks.append(None)
        return await look()

    feed._look = counting
    return looks


@in_files
async def test_a_file_that_is_gone_is_an_error(store: Store, project: Project, ana: Actor) -> None:
    """The one that any other call gets, for all who wait."""
    await store.ensure(project)
    waits = await started(store, *(store.claim_item(project, ana, wait_seconds=LONG) for _ in range(3)))
    path = file_of_store(store, project)
    path.rename(path.with_suffix(".away"))
    errors = [await refused("STORE_NOT_FOUND", asyncio.wait_for(wait, BOUND)) for wait in waits]
    assert str(path) in str(errors[0])
    path.with_suffix(".away").rename(path)
    await make(store, project, ana, "one")
    assert await claimed(store.claim_item(project, ana, wait_seconds=LONG)) == 1


@in_files
async def test_a_project_that_is_deleted_is_an_error(
    store: Store, tmp_path: Path, project: Project, ana: Actor
) -> None:
    """The one that any other call gets, which names the copy that is left."""
    await store.ensure(project)
    (wait,) = await started(store, store.claim_item(project, ana, wait_seconds=LONG))
    copy = delete(tmp_path, KnownProjects(tmp_path, None), project.known_id, datetime.now(UTC))
    with pytest.raises(WorkflowError, match=re.escape(copy.file)):
        await asyncio.wait_for(wait, BOUND)


@in_files
async def test_a_file_that_was_exchanged_is_looked_at(
    store: Store, tmp_path: Path, project: Project, ana: Actor, bob: Actor
) -> None:
    """What a backup that is put back has ready is claimed."""
    await make(store, project, ana, "one")
    back_up(tmp_path, project.known_id, str(tmp_path / "backup"))
    await store.claim_item(project, ana)
    (wait,) = await started(store, store.claim_item(project, bob, wait_seconds=LONG))
    restore(tmp_path, KnownProjects(tmp_path, None), str(tmp_path / "backup"))
    assert await claimed(wait) == 1


@pytest.mark.parametrize("end", ["end_waits", "aclose"])
async def test_the_end_of_the_server_ends_all_waits(place: DataPlace, project: Project, ana: Actor, end: str) -> None:
    """At once, and says so; calls that do not wait go on until the store is closed."""
    async with open_store(place) as store:
        await store.ensure(project)
        waits = await started(store, *(store.claim_item(project, ana, wait_seconds=LONG) for _ in range(3)))
        if end == "end_waits":
            store.end_waits()
            await make(store, project, ana, "one")
        else:
            await store.aclose()
        for wait in (*waits, store.claim_item(project, ana, wait_seconds=LONG)):
            assert "Next: call again when it has started anew." in str(await refused("STORE_CLOSED", wait))


async def test_changes_are_told_to_all_who_read(store: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """Once for what comes close together, from whichever process; also before the project has a file."""
    async with store.changes(project) as one, store.changes(project) as two:
        assert not await one.next(0)
        async with open_store(place) as other:
            await make(other, project, ana, "one")
            assert [await reader.next(BOUND) for reader in (one, two)] == [True, True]
            await make(other, project, ana, "two")
            assert await one.next(BOUND)


async def test_what_goes_wrong_while_watching_is_told(store: Store, project: Project, ana: Actor) -> None:
    """Whatever it is: nobody waits for something that nobody looks for."""
    await store.ensure(project)
    (wait,) = await started(store, store.claim_item(project, ana, wait_seconds=LONG))
    await until(lambda: is_watched(store, project))

    async def failing() -> object:
        raise ZeroDivisionError

    feeds_of(store)[project.known_id]._look = failing
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(wait, BOUND)
    assert not issubclass(ZeroDivisionError, WorkflowError)
