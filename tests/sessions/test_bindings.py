"""Bindings of calls: kept until the call comes, for whoever made them, and used once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.support import DictStore, FakeClock, GatedStore, turns
from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.sessions.bindings import LIFETIME, Binding, Bindings
from workflow_mcp.sessions.conversations import MAX_EARLIER, Conversations
from workflow_mcp.sessions.stores.memory import Remembered
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.sessions.stores.small_files import CULL_EVERY, MAX_AGE, SmallFiles

MAIN = Binding("s1", "", "", "/one")
SUB = Binding("s1", "a1", "Explore", "/two")


@pytest.fixture(params=["memory", "store", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore | None:
    """Every place that bindings can be kept in."""
    places: dict[str, SessionStore | None] = {"memory": None, "store": DictStore(), "files": SmallFiles(tmp_path)}
    return places[request.param]


async def test_a_binding_is_used_once_and_made_once(store: SessionStore | None) -> None:
    """The first binding stands; a call that has come, bound or not, can be bound no more."""
    bindings = Bindings(store, clock=FakeClock())
    assert await bindings.bind(None, "c", MAIN)
    assert not await bindings.bind(None, "c", SUB)
    assert await bindings.use(None, "c") == MAIN
    assert await bindings.use(None, "c") is None
    assert not await bindings.bind(None, "c", MAIN)
    assert await bindings.use(None, "late") is None
    assert not await bindings.bind(None, "late", MAIN)


async def test_it_is_for_the_principal_that_made_it(store: SessionStore | None) -> None:
    """No principal, and each of several, have bindings of their own for one id."""
    bindings = Bindings(store, clock=FakeClock())
    await bindings.bind("ann", "c", MAIN)
    assert await bindings.use("bob", "c") is None
    assert await bindings.use(None, "c") is None
    assert await bindings.use("ann", "c") == MAIN


async def test_beyond_the_most_the_oldest_goes(store: SessionStore | None) -> None:
    """The principal's own, and no other's; calls that have come count for nothing."""
    bindings = Bindings(store, clock=FakeClock(), max_bindings=3)
    await bindings.bind("bob", "b", SUB)
    for number in range(5):
        await bindings.bind("ann", f"{number}", MAIN)
    for number in range(9):
        await bindings.use("ann", f"other {number}")
    assert [await bindings.use("ann", f"{number}") for number in range(5)] == [None, None, MAIN, MAIN, MAIN]
    assert await bindings.use("bob", "b") == SUB


async def test_it_ends_after_a_day(store: SessionStore | None) -> None:
    """To the second; and a clock that was set back has made none that holds for ever."""
    bindings = Bindings(store, clock=(clock := FakeClock()))
    for call in ("a", "b", "c"):
        await bindings.bind(None, call, MAIN)
    clock.advance(LIFETIME)
    assert await bindings.use(None, "a") == MAIN
    clock.advance(1)
    assert await bindings.use(None, "b") is None
    clock.advance(-2 * LIFETIME)
    assert await bindings.use(None, "c") is None


async def test_the_next_server_has_it(tmp_path: Path) -> None:
    """After a crash, and where several servers share the store: then one of them uses it, and the others do not."""
    files = SmallFiles(tmp_path)
    one, two = Bindings(files, clock=FakeClock()), Bindings(files, clock=FakeClock())
    await one.bind(None, "c", SUB)
    assert not await two.bind(None, "c", MAIN)
    found = await asyncio.gather(two.use(None, "c"), one.use(None, "c"))
    assert sorted(found, key=str) == sorted([SUB, None], key=str)
    assert not list((tmp_path / "bindings").iterdir())


async def test_a_call_that_does_not_wait_for_its_hook() -> None:
    """It comes while the hook's answer is still being stored: nothing is left that a later call could use."""
    store = GatedStore(gated=("put",))
    bindings = Bindings(store, clock=FakeClock())
    binding = asyncio.ensure_future(bindings.bind(None, "c", MAIN))
    await store.arrivals(1)
    assert await bindings.use(None, "c") == MAIN
    store.open_all()
    await binding
    assert await bindings.use(None, "c") is None
    assert store.entries == {}


async def test_a_store_that_fails_fails_no_call() -> None:
    """What cannot be written is kept in memory; what cannot be read is no binding."""
    store = DictStore()
    bindings = Bindings(store, clock=FakeClock())
    await bindings.bind(None, "stored", MAIN)
    store.failure = OSError("no space left")
    assert await bindings.bind(None, "c", MAIN)
    assert await bindings.use(None, "c") == MAIN
    assert await bindings.use(None, "stored") == MAIN
    assert await bindings.use(None, "unknown") is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"value": {}, "ends_at": null}', '{"value": {"session": 1}, "ends_at": null}']
)
async def test_a_damaged_file_is_no_binding(tmp_path: Path, content: str) -> None:
    """The call is resolved as if there were no hook."""
    files = SmallFiles(tmp_path)
    await Bindings(files, clock=FakeClock()).bind(None, "c", MAIN)
    [path] = (tmp_path / "bindings").iterdir()
    path.write_text(content)
    assert await Bindings(files, clock=FakeClock()).use(None, "c") is None


async def test_files_that_nobody_asks_for_any_more_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for when the first entry is put, and then now and again; what is still good stays."""
    files = SmallFiles(tmp_path)
    await files.put("old", {"n": 1}, collection="c")
    await files.put("new", {"n": 2}, collection="c")
    stamp = (tmp_path / "c" / "new").stat().st_mtime - MAX_AGE - 60
    os.utime(tmp_path / "c" / "old", (stamp, stamp))
    for number in range(CULL_EVERY):
        await files.put("again", {"n": number}, collection="c")
    assert {path.name for path in (tmp_path / "c").iterdir()} == {"new", "again"}
    assert await files.get("new", collection="c") == {"n": 2}
    await files.put("short", {"n": 3}, collection="c", ttl=-1)
    assert await files.get("short", collection="c") is None


def test_actors_are_told_apart() -> None:
    """By conversation, by agent, and by whose conversation it is; the same for the same agent."""
    names = {
        binding.actor(principal)
        for principal in (None, "ann", "bob")
        for binding in (MAIN, SUB, Binding("s1", "a2", "Explore", "/"), Binding("s2", "", "", "/"))
    }
    assert len(names) == 12
    assert actor_name("s1") == MAIN.actor(None)
    assert SUB.actor(None).startswith(f"{MAIN.actor(None)}/Explore-")
    assert len(Binding("s", "a", "t" * 128, "/").actor(None)) <= 100


def test_session_keys_are_told_apart() -> None:
    """Nothing moves between the principal, the conversation and the agent."""
    assert MAIN.key(None) == "claude:s1"
    assert SUB.key(None) == "claude:s1/a1"
    keys = {
        Binding(session, agent, "", "/").key(principal)
        for principal in (None, "", "s1", "a:s1", "a")
        for session in ("s1", "a")
        for agent in ("", "s1", "a")
    }
    assert len(keys) == 30


async def test_conversations_of_one_process_follow_each_other(tmp_path: Path) -> None:
    """The last first; a process of its own, and one that nothing identifies, have no part in it."""
    conversations = Conversations(Remembered(SmallFiles(tmp_path)), processes=Remembered())
    assert await conversations.earlier("p", "one") == ()
    assert await conversations.earlier("p", "two") == ("one",)
    assert await conversations.earlier("q", "other") == ()
    assert await conversations.earlier(None, "unknown") == ()
    assert await conversations.earlier("p", "three") == ("two", "one")
    assert await conversations.earlier("p", "three") == ("two", "one")
    again = Conversations(Remembered(SmallFiles(tmp_path)), processes=Remembered())
    assert await again.earlier("new process", "three") == ("two", "one")
    assert await again.earlier("new process", "one") == ("three", "two"), "a person may resume the first"
    for number in range(20):
        last = await again.earlier("new process", f"{number}")
    assert len(last) == MAX_EARLIER
    await again.closed("new process")
    assert await again.earlier("new process", "fresh") == ()
    await turns(1)


async def test_conversations_whose_store_fails() -> None:
    """They are known as long as the process lives."""
    store = DictStore()
    store.failure = OSError("no space left")
    conversations = Conversations(Remembered(store), processes=Remembered())
    await conversations.earlier("p", "one")
    assert await conversations.earlier("p", "two") == ("one",)
    assert await conversations.earlier("p", "two") == ("one",)


async def test_what_is_remembered_is_removed_also_where_the_store_fails() -> None:
    """It is gone for this process, and no call fails for that."""
    store = DictStore()
    remembered = Remembered(store)
    await remembered.put("key", {"name": "one"}, collection="c", ttl=60)
    store.failure = OSError("no space left")
    assert await remembered.delete("key", collection="c")
    assert await remembered.get("key", collection="c") is None
    assert not await remembered.delete("key", collection="c")
