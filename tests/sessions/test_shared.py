"""What servers on one database remember of clients: each knows at once what any other was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import product

import pytest

from tests.clients.databases import Database
from tests.sessions.test_bindings import MAIN
from tests.support import FakeClock
from workflow_mcp.errors import Code, SessionError, StoreError
from workflow_mcp.session_context import SessionContextManager
from workflow_mcp.sessions.bindings import Bindings
from workflow_mcp.sessions.connections import Connections
from workflow_mcp.sessions.conversations import Conversations
from workflow_mcp.sessions.looks import Looks
from workflow_mcp.sessions.shared import TOUCH_EVERY, SharedSessionContextManager
from workflow_mcp.sessions.stores.database import CULL_EVERY, DatabaseStore
from workflow_mcp.storage.postgresql import faults
from workflow_mcp.storage.postgresql.entries import Entries
from workflow_mcp.work.overview import Overview

KEY = "handle:one"
Stores = Callable[[], DatabaseStore]


@pytest.fixture
async def new_store(database: Database) -> AsyncIterator[Stores]:
    """Makes the stores of servers that share a database, of at most five entries each."""
    made: list[DatabaseStore] = []

    def make() -> DatabaseStore:
        made.append(DatabaseStore(Entries(database.url, maximum=5)))
        return made[-1]

    yield make
    for store in made:
        await store.close()


def sessions(store: DatabaseStore, clock: FakeClock | None = None) -> SessionContextManager:
    """The sessions of one server."""
    connections = Connections()
    return SharedSessionContextManager(
        store,
        stored_as=connections.stored_as,
        is_alive=connections.is_alive,
        max_sessions=10,
        clock=clock or FakeClock(),
    )


async def test_a_change_is_seen_at_once(new_store: Stores) -> None:
    """Each server answers by what any of them was told last, also one that knew something else before."""
    one, two = sessions(new_store()), sessions(new_store())
    for turn, (here, there) in enumerate(((one, two), (two, one)) * 2):
        await here.set_working_directory(KEY, f"/at/{turn}", config_path="/c", project_id="p")
        assert await there.get_working_directory(KEY) == f"/at/{turn}"
        await there.set_project(KEY, config_path=None, project_id=f"p{turn}")
        found = await here.get_session(KEY)
        assert found is not None
        assert (found.working_directory, found.config_path, found.project_id) == (f"/at/{turn}", None, f"p{turn}")
    assert await one.get_session_count() == await two.get_session_count() == 1
    assert await two.end_session(KEY)
    assert await one.get_session(KEY) is None
    assert await one.get_working_directory(KEY) is None
    assert not await one.end_session(KEY)


async def test_changes_at_once_lose_none(new_store: Stores) -> None:
    """A directory and a project that are set at two servers at once are both set."""
    one, two = sessions(new_store()), sessions(new_store())
    for turn in range(20):
        setting = one.set_working_directory(f"{KEY}{turn % 3}", f"/at/{turn}", config_path=f"c{turn}")
        await asyncio.gather(setting, two.set_project(f"{KEY}{turn % 3}", config_path=f"c{turn}", project_id="p"))
        found = await one.get_session(f"{KEY}{turn % 3}")
        assert found is not None
        assert (found.working_directory, found.config_path) == (f"/at/{turn}", f"c{turn}")


async def test_a_session_of_this_process_alone(new_store: Stores, database: Database) -> None:
    """The session of the client that launched this process is nobody else's: it is in no database."""
    one = sessions(new_store())
    await one.set_working_directory("process", "/here", config_path="c", project_id="p")
    await one.set_project("process", config_path=None, project_id="q")
    found = await one.get_session("process")
    assert found is not None
    await one.touch(found)
    assert await one.get_working_directory("process") == "/here"
    assert (found.project_id, await one.get_session_count()) == ("q", 1)
    assert await one.end_session("process")
    assert database.run("SELECT * FROM server_entries") == []


async def test_use_is_noted_now_and_then(new_store: Stores, database: Database) -> None:
    """A use extends the life of a session once in ten minutes; it gives no life to one that has ended."""
    clock = FakeClock()
    one = sessions(new_store(), clock)
    await one.set_working_directory(KEY, "/here")
    first = found = await one.get_session(KEY)
    for seconds, noted in ((TOUCH_EVERY - 1, False), (1, True), (-3600, True)):
        clock.advance(seconds)
        assert await one.get_working_directory(KEY) == "/here"
        found = await one.get_session(KEY)
        assert found is not None
        assert (found.last_used == clock.now) is noted
        assert first is not None
        assert found.set_at == first.set_at
    assert found is not None
    database.run("UPDATE server_entries SET expires_at = now()")
    assert await one.get_session(KEY) is None
    await one.touch(found)
    assert await one.get_session(KEY) is None
    await one.set_project(KEY, config_path=None, project_id="p")
    again = await one.get_session(KEY)
    assert again is not None
    assert (again.working_directory, again.set_at) == (None, clock.now), "nothing of the one that expired is left"


async def test_a_damaged_entry(new_store: Stores, database: Database) -> None:
    """It is an error, and leads to no other directory."""
    one = sessions(new_store())
    await one.set_working_directory(KEY, "/here")
    database.run("UPDATE server_entries SET value = '{}'")
    with pytest.raises(SessionError, match="SESSION_UNREADABLE"):
        await one.get_session(KEY)


async def test_what_is_too_much_or_old_goes(new_store: Stores, database: Database) -> None:
    """The sweep removes what has expired, and of a collection that is too large what was used longest ago."""
    store, one = new_store(), sessions(new_store())
    for number, collection in product(range(8), ("a", "b")):
        await store.put(f"{number}", {"n": number}, collection=collection, ttl=100.0 + number)
    await store.put("gone", {}, collection="c", ttl=-1.0)
    assert database.run("SELECT count(*) FROM server_entries") == [(17,)]
    await one._cleanup_stale_sessions()
    assert await store.count("a") == await store.count("b") == 5
    assert [await store.get(f"{number}", collection="a") is not None for number in range(8)] == [False] * 3 + [True] * 5
    assert database.run("SELECT count(*) FROM server_entries") == [(10,)]
    store._made = CULL_EVERY - 1
    await store.put("9", {}, collection="a", ttl=1000.0)
    assert await store.count("a") == 5, "a server that makes many does not wait for the sweep"


async def test_nothing_lasts_for_ever(new_store: Stores) -> None:
    """An entry without an end is refused."""
    with pytest.raises(ValueError, match="needs a ttl"):
        await new_store().put("one", {})


async def test_a_binding_is_used_once_by_all_servers(new_store: Stores) -> None:
    """Of six servers that get one call at once, one has its binding, be it bound there or elsewhere."""
    stores = [new_store() for _ in range(3)]
    servers = [Bindings(store, clock=FakeClock(), shared=True) for store in (*stores, *stores)]
    for turn in range(10):
        assert await servers[turn % 3].bind("ann", f"call-{turn}", MAIN)
        assert not await servers[(turn + 1) % 3].bind("ann", f"call-{turn}", MAIN)
        assert await servers[0].use("bob", f"call-{turn}") is None
        used = await asyncio.gather(*(server.use("ann", f"call-{turn}") for server in servers))
        assert [one for one in used if one is not None] == [MAIN]
        assert await servers[turn % 3].use("ann", f"call-{turn}") is None


async def test_conversations_and_looks(new_store: Stores) -> None:
    """Each server knows which conversation a process was in, and what that conversation saw last."""
    one, two = new_store(), new_store()
    here, there = Conversations(one, processes=one), Conversations(two, processes=two)
    assert await here.earlier("connection:p", "claude-1") == ()
    assert await there.earlier("connection:p", "claude-2") == ("claude-1",)
    assert await here.earlier("connection:p", "claude-3") == ("claude-2", "claude-1")
    assert await there.earlier("connection:q", "claude-3") == ("claude-2", "claude-1")
    await there.closed("connection:p")
    assert await here.earlier("connection:p", "claude-4") == ()
    assert await Looks(one).exchange("claude-1", Overview("shop")) is None
    assert await Looks(two).exchange("claude-1", Overview("shop")) == Overview("shop")
    assert await Looks(one).exchange("claude-1", Overview("other")) is None


async def test_a_database_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered from memory that another server may have changed: every call says that it cannot."""
    monkeypatch.setattr(faults, "RECONNECT_TIMEOUT", 0.0)
    store = DatabaseStore(Entries("postgresql://nobody@127.0.0.1:1/none"))
    one, bindings = sessions(store), Bindings(store, clock=FakeClock(), shared=True)
    for call in (
        one.set_working_directory(KEY, "/here"),
        one.get_working_directory(KEY),
        one.set_project(KEY, config_path=None, project_id="p"),
        one.end_session(KEY),
        one.get_session_count(),
        bindings.bind(None, "call", MAIN),
        bindings.use(None, "call"),
        store.check(),
    ):
        with pytest.raises(StoreError) as error:
            await call
        assert error.value.code == Code.STORE_UNREACHABLE
    await store.close()
