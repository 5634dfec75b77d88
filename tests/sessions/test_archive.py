"""Sessions that outlive their process: what is stored, what comes back, and what a broken store may do."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import stat
from collections.abc import Awaitable, Sized
from pathlib import Path
from typing import Any

import pytest

from tests.support import BOUND, DictStore, FakeClock, GatedStore, posix_only, turns
from workflow_mcp.errors import SessionError
from workflow_mcp.session_context import MAX_IDLE, SWEEP_CHUNK, SWEEP_INTERVAL, SessionContextManager
from workflow_mcp.sessions.archive import SessionArchive
from workflow_mcp.sessions.stores.files import LazyFileTreeStore
from workflow_mcp.sessions.stores.protocol import SessionStore

HANDLE = "handle:an-unguessable-one"
LIFETIME = MAX_IDLE + SWEEP_INTERVAL


def make_store(kind: str, folder: Path) -> SessionStore:
    """A store of each kind the contract is held to."""
    if kind == "file":
        return LazyFileTreeStore(folder / "sessions")
    if kind == "memory":
        from key_value.aio.stores.memory import MemoryStore

        return MemoryStore()
    return DictStore()


@pytest.fixture(params=["dict", "memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    """Every kind of store in turn."""
    return make_store(request.param, tmp_path)


async def test_a_restarted_server_knows_its_sessions(store: SessionStore) -> None:
    """What one manager was told, another on the same store answers, all of it."""
    clock = FakeClock()
    before = SessionContextManager(store=store, clock=clock)
    await before.set_working_directory(HANDLE, "/a", config_path="/a/c", project_id="p")
    await before.set_project(HANDLE, config_path="/a/c2", project_id="p2")
    assert before.is_saved(HANDLE)
    clock.advance(60)
    after = SessionContextManager(store=store, clock=clock)
    session = await after.get_session(HANDLE)
    assert session is not None
    assert session == await before.get_session(HANDLE)
    assert await after.get_working_directory(HANDLE) == "/a"


async def test_a_session_that_ended_is_gone_everywhere(store: SessionStore) -> None:
    """Ending a session removes it from the store, also in a server that never held it in memory."""
    await SessionContextManager(store=store).set_working_directory(HANDLE, "/a")
    assert await SessionContextManager(store=store).end_session(HANDLE) is True
    assert await SessionContextManager(store=store).get_session(HANDLE) is None


async def test_an_unknown_session_is_unknown(store: SessionStore) -> None:
    """Looking for a session that no store has answers None and stores nothing."""
    manager = SessionContextManager(store=store)
    assert await manager.get_working_directory("nobody") is None
    assert await manager.end_session("nobody") is False
    assert await manager.get_session_count() == 0


async def test_what_must_not_outlive_its_process_is_never_stored(store: SessionStore) -> None:
    """A key that `stored_as` maps to None stays in memory, and counts as saved as far as it can be."""
    manager = SessionContextManager(store=store, stored_as=lambda _key: None)
    await manager.set_working_directory("c", "/c")
    assert manager.is_saved("c")
    assert await manager.get_working_directory("c") == "/c"
    assert await SessionContextManager(store=store).get_session("c") is None


async def test_a_session_is_found_under_its_lasting_name(store: SessionStore) -> None:
    """Two processes whose keys differ find the same session when its lasting name is the same."""
    one = SessionContextManager(store=store, stored_as={"connection-1": "claude:42"}.get)
    await one.set_working_directory("connection-1", "/a")
    two = SessionContextManager(store=store, stored_as={"connection-2": "claude:42"}.get)
    assert await two.get_working_directory("connection-2") == "/a"
    assert await two.get_working_directory("connection-1") is None


async def test_the_evicted_leave_the_store_too(store: SessionStore) -> None:
    """A session that went because there was no room is unknown everywhere."""
    manager = SessionContextManager(store=store, max_sessions=2)
    for name in "abc":
        await manager.set_working_directory(name, f"/{name}")
    fresh = SessionContextManager(store=store)
    assert [await fresh.get_working_directory(name) for name in "abc"] == [None, "/b", "/c"]


@pytest.mark.parametrize("session_id", ["", "a/b\\c", "../../etc", "ü\n\0", "\ud800", "x" * 5000])
async def test_any_key_can_be_stored(store: SessionStore, session_id: str) -> None:
    """A session key may be any text; none of it reaches a file name."""
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(session_id, "/a")
    assert manager.is_saved(session_id)
    assert await SessionContextManager(store=store).get_working_directory(session_id) == "/a"


async def test_a_released_session_is_found_again(store: SessionStore) -> None:
    """A connection that closes takes its session out of memory, not out of the store."""
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(HANDLE, "/a")
    manager.release(HANDLE)
    assert await manager.get_session_count() == 0
    assert await manager.get_working_directory(HANDLE) == "/a"


def test_the_archive_works_in_a_second_event_loop(tmp_path: Path) -> None:
    """One manager and one file store serve a second loop after the first was closed."""
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions"))

    async def use(name: str) -> None:
        async with manager:
            await asyncio.gather(*(manager.set_working_directory(name, f"/{turn}") for turn in range(5)))
            assert manager.is_saved(name)

    asyncio.run(use("a"))
    asyncio.run(use("a"))
    asyncio.run(use("b"))


async def test_nothing_is_in_clear_on_disk(tmp_path: Path) -> None:
    """The session key occurs in no file name and no content, and the folder is its owner's alone."""
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions"))
    await manager.set_working_directory(HANDLE, "/a")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 1
    for path in tmp_path.rglob("*"):
        assert HANDLE not in str(path)
        assert "unguessable" not in str(path)
        assert not path.is_file() or b"unguessable" not in path.read_bytes()


@posix_only
async def test_the_folder_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Other users of the machine cannot look into the folder of sessions."""
    await SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions")).set_working_directory(HANDLE, "/a")
    assert stat.S_IMODE((tmp_path / "sessions").stat().st_mode) == 0o700


async def test_a_store_that_is_only_asked_makes_no_folder(tmp_path: Path) -> None:
    """Nothing is stored, and nothing is made, for a request that stores nothing."""
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions"))
    assert await manager.get_session(HANDLE) is None
    await manager._cleanup_stale_sessions()
    assert list(tmp_path.iterdir()) == []


async def unreadable(call: Awaitable[object]) -> None:
    """The call must be refused, because what was set for its session cannot be known."""
    with pytest.raises(SessionError) as caught:
        await call
    assert caught.value.code == "SESSION_UNREADABLE"


async def test_a_failing_store_fails_no_call_of_a_known_session(caplog: pytest.LogCaptureFixture) -> None:
    """With a store that always fails, sessions work in memory and say that they are not saved; others are refused."""
    store = DictStore()
    store.failure = OSError("disk full")
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(HANDLE, "/a")
    assert not manager.is_saved(HANDLE)
    assert await manager.get_working_directory(HANDLE) == "/a"
    await unreadable(manager.get_session("somebody"))
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert not any("unguessable" in record.getMessage() for record in caplog.records)


async def test_a_session_that_cannot_be_removed_still_holds() -> None:
    """Ending a session is refused where its next call would find it again; once the store is back it ends."""
    store = DictStore()
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(HANDLE, "/a")
    store.failure = OSError("read-only")
    with pytest.raises(SessionError) as caught:
        await manager.end_session(HANDLE)
    assert caught.value.code == "SESSION_NOT_REMOVED"
    assert await manager.get_working_directory(HANDLE) == "/a"
    store.failure = None
    assert await manager.end_session(HANDLE) is True
    assert await SessionContextManager(store=store).get_session(HANDLE) is None


def in_its_place(path: Path, what: str) -> None:
    """Put something else where a folder was."""
    path.rename(path.with_name("moved away"))
    if what == "loop":
        path.symlink_to(path)
    else:
        path.write_text("in the way")


@posix_only
@pytest.mark.parametrize("what", ["file", "loop"])
@pytest.mark.parametrize("where", ["data", "data/sessions", "data/sessions/sessions"])
async def test_what_stands_in_the_place_of_the_store_is_no_empty_one(where: str, what: str, tmp_path: Path) -> None:
    """Only a folder that is not there has no sessions; one that cannot be looked into may have any."""
    folder = tmp_path / "data" / "sessions"
    await SessionContextManager(store=LazyFileTreeStore(folder)).set_working_directory(HANDLE, "/a")
    in_its_place(tmp_path / where, what)
    manager = SessionContextManager(store=LazyFileTreeStore(folder))
    await unreadable(manager.get_working_directory(HANDLE))
    await manager.set_working_directory(HANDLE, "/b")
    assert await manager.get_working_directory(HANDLE) == "/b"


async def test_sessions_move_with_their_folder(tmp_path: Path) -> None:
    """A data directory that was renamed or copied is read and written where it is now."""
    await SessionContextManager(store=LazyFileTreeStore(tmp_path / "old")).set_working_directory(HANDLE, "/a")
    (tmp_path / "old").rename(tmp_path / "new")
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "new"))
    assert await manager.get_working_directory(HANDLE) == "/a"
    await manager.set_working_directory(HANDLE, "/b")
    assert manager.is_saved(HANDLE)
    assert await SessionContextManager(store=LazyFileTreeStore(tmp_path / "new")).get_working_directory(HANDLE) == "/b"
    assert not (tmp_path / "old").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"directory": 5}', b'{"directory": "/usr"}']
)
async def test_a_damaged_note_of_the_store_costs_no_session(content: bytes, tmp_path: Path) -> None:
    """What the store notes about itself is written anew where it leads nowhere."""
    folder = tmp_path / "sessions"
    await SessionContextManager(store=LazyFileTreeStore(folder)).set_working_directory(HANDLE, "/a")
    (folder / "sessions-info.json").write_bytes(content)
    assert await SessionContextManager(store=LazyFileTreeStore(folder)).get_working_directory(HANDLE) == "/a"


async def test_a_folder_that_cannot_be_made_fails_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the sessions' folder should be costs their survival, nothing else."""
    (tmp_path / "sessions").write_text("in the way")
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions"))
    await manager.set_working_directory(HANDLE, "/a")
    assert not manager.is_saved(HANDLE)
    assert await manager.get_working_directory(HANDLE) == "/a"
    assert caplog.records


async def test_a_session_is_saved_once_the_store_is_back() -> None:
    """A sweep saves what could not be saved when it was set."""
    store = DictStore()
    store.failure = OSError("disk full")
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(HANDLE, "/a")
    store.failure = None
    await manager._cleanup_stale_sessions()
    assert manager.is_saved(HANDLE)
    assert await SessionContextManager(store=store).get_working_directory(HANDLE) == "/a"


async def test_a_store_that_hangs_is_given_up_on() -> None:
    """Each operation on the store has a time limit."""
    store = GatedStore(gated=("get", "put", "delete"))
    archive = SessionArchive(store, stored_as=str, lifetime=LIFETIME, timeout=0.01)
    entry = {"last_used": 0.0}
    async with asyncio.timeout(BOUND):
        await archive.save("a", lambda _key: entry)
        assert not archive.is_saved("a")
        await unreadable(archive.load("a"))
        with pytest.raises(SessionError):
            await archive.delete("a")


async def test_many_changes_do_not_queue_up_behind_a_store_that_hangs() -> None:
    """However many changes wait for one session's turn at a hanging store, each waits for no longer than one."""
    store = GatedStore(gated=("put",))
    archive = SessionArchive(store, stored_as=str, lifetime=LIFETIME, timeout=0.2)
    async with asyncio.timeout(BOUND):
        await asyncio.gather(*(archive.save("a", lambda _key: {"last_used": 0.0}) for _ in range(20)))
    assert len(store.waiting) <= 2, "the others were given up on while the first was waited for"
    assert not archive.is_saved("a")


DAMAGED: list[dict[str, Any]] = [
    {"last_used": "yesterday"},
    {"last_used": None},
    {"last_used": float("nan")},
    {"last_used": 10**400},
    {"set_at": float("inf")},
    {"working_directory": 5},
    {"working_directory": "relative/path"},
    {"working_directory": ["/a"]},
    {"config_path": b"/a/c"},
    {"project_id": 7},
]


@pytest.mark.parametrize("entry", DAMAGED)
async def test_a_damaged_entry_is_refused_until_something_is_set(
    entry: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An entry with a field like this is refused, every time, until something is set anew or the session is ended."""
    store = DictStore()
    clock = FakeClock(1.0)
    await SessionContextManager(store=store, clock=clock).set_working_directory(HANDLE, "/a")
    [name] = store.entries
    store.entries[name] |= entry
    manager = SessionContextManager(store=store, clock=clock)
    for _ in range(2):
        await unreadable(manager.get_session(HANDLE))
        await unreadable(manager.get_working_directory(HANDLE))
        await unreadable(manager.set_project(HANDLE, config_path=None, project_id="p"))
    assert any("damaged" in record.getMessage() for record in caplog.records)
    await manager.set_working_directory(HANDLE, "/b")
    assert await SessionContextManager(store=store, clock=clock).get_working_directory(HANDLE) == "/b"
    del store.entries[name]["set_at"]
    manager = SessionContextManager(store=store, clock=clock)
    await unreadable(manager.get_session(HANDLE))
    assert await manager.end_session(HANDLE)
    assert store.entries == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"{}"])
async def test_a_torn_file_is_refused_until_something_is_set(content: bytes, tmp_path: Path) -> None:
    """Whatever stands in a session's file, no other directory takes its place, and the next change repairs it."""
    store = LazyFileTreeStore(tmp_path / "sessions")
    await SessionContextManager(store=store).set_working_directory(HANDLE, "/a")
    [path] = (tmp_path / "sessions" / "sessions").glob("*.json")
    path.write_bytes(content)
    manager = SessionContextManager(store=LazyFileTreeStore(tmp_path / "sessions"))
    await unreadable(manager.get_working_directory(HANDLE))
    await manager._cleanup_stale_sessions()
    await unreadable(manager.get_working_directory(HANDLE))
    await manager.set_working_directory(HANDLE, "/b")
    assert await SessionContextManager(store=store).get_working_directory(HANDLE) == "/b"


async def test_the_last_of_concurrent_changes_wins() -> None:
    """However slowly the store takes them, what it ends with is what memory holds."""
    store = GatedStore(gated=("put",))
    manager = SessionContextManager(store=store)
    changes = [asyncio.create_task(manager.set_working_directory(HANDLE, f"/{turn}")) for turn in range(3)]
    await store.arrivals(1)
    store.open_all()
    await asyncio.wait_for(asyncio.gather(*changes), BOUND)
    assert await manager.get_working_directory(HANDLE) == "/2"
    assert await SessionContextManager(store=store).get_working_directory(HANDLE) == "/2"


async def test_a_change_does_not_overtake_one_that_waits() -> None:
    """A change that comes while another waits for its turn is stored after it, never beside it."""
    store = GatedStore(gated=("put",))
    manager = SessionContextManager(store=store)
    first = asyncio.create_task(manager.set_working_directory(HANDLE, "/1"))
    await store.arrivals(1)
    second = asyncio.create_task(manager.set_working_directory(HANDLE, "/2"))
    await turns()
    store.open(0)
    await store.arrivals(2)  # the second is in the store, with /2
    third = asyncio.create_task(manager.set_working_directory(HANDLE, "/3"))
    await turns()
    if len(store.waiting) == 3:  # it is there beside the second: let it overtake
        store.open(2)
        await turns()
    store.open_all()
    await asyncio.wait_for(asyncio.gather(first, second, third), BOUND)
    assert await SessionContextManager(store=store).get_working_directory(HANDLE) == "/3"


async def test_a_session_that_ends_while_it_is_saved_stays_ended() -> None:
    """An end that comes while a change is on its way to the store is the last word."""
    store = GatedStore(gated=("put",))
    manager = SessionContextManager(store=store)
    change = asyncio.create_task(manager.set_working_directory(HANDLE, "/a"))
    await store.arrivals(1)
    end = asyncio.create_task(manager.end_session(HANDLE))
    await turns()
    store.open_all()
    await asyncio.wait_for(asyncio.gather(change, end), BOUND)
    assert await manager.get_session(HANDLE) is None
    assert await SessionContextManager(store=store).get_session(HANDLE) is None


async def test_a_session_that_ends_while_it_is_looked_up_stays_ended() -> None:
    """A lookup in the store that began before the end does not bring the session back after it."""
    store = GatedStore(gated=())
    await SessionContextManager(store=store).set_working_directory(HANDLE, "/a")
    store._gated = ("get",)
    manager = SessionContextManager(store=store)
    lookup = asyncio.create_task(manager.get_session(HANDLE))
    await store.arrivals(1)
    end = asyncio.create_task(manager.end_session(HANDLE))
    await turns()
    if len(store.waiting) == 2:  # both look it up at once: let the end overtake
        store.open(1)
        await turns()
    store.open_all()
    await asyncio.wait_for(asyncio.gather(lookup, end), BOUND)
    assert await manager.get_session(HANDLE) is None
    assert await manager.get_working_directory(HANDLE) is None


async def test_a_change_during_a_lookup_is_not_undone_by_it() -> None:
    """A lookup that was under way when something else was set leaves that as it was set."""
    store = GatedStore(gated=())
    await SessionContextManager(store=store).set_working_directory(HANDLE, "/old")
    store._gated = ("get",)
    manager = SessionContextManager(store=store)
    lookup = asyncio.create_task(manager.get_working_directory(HANDLE))
    await store.arrivals(1)
    change = asyncio.create_task(manager.set_working_directory(HANDLE, "/new"))
    await turns()
    store.open_all()
    await asyncio.wait_for(change, BOUND)
    assert await asyncio.wait_for(lookup, BOUND) in ("/old", "/new")
    assert await manager.get_working_directory(HANDLE) == "/new"
    assert await SessionContextManager(store=store).get_working_directory(HANDLE) == "/new"


async def test_an_entry_lives_as_long_as_its_session() -> None:
    """Entries are stored for the age of sessions plus one interval, by which the sweep has prolonged those in use."""
    store = DictStore()
    await SessionContextManager(store=store).set_working_directory(HANDLE, "/a")
    assert list(store.lifetimes.values()) == [LIFETIME]


async def test_use_prolongs_what_is_stored() -> None:
    """A sweep stores a session again that was used since, and leaves one alone that was not."""
    store, clock = DictStore(), FakeClock()
    manager = SessionContextManager(store=store, clock=clock)
    await manager.set_working_directory("used", "/a")
    await manager.set_working_directory("idle", "/b")
    clock.advance(10)
    await manager.get_working_directory("used")
    before = store.puts
    await manager._cleanup_stale_sessions()
    assert store.puts == before + 1
    await manager._cleanup_stale_sessions()
    assert store.puts == before + 1
    assert sorted(entry["last_used"] for entry in store.entries.values()) == [clock.now - 10, clock.now]


async def test_use_under_a_clock_set_back_prolongs_too() -> None:
    """A session used at an earlier hour than it was stored is used all the same."""
    store, clock = DictStore(), FakeClock()
    manager = SessionContextManager(store=store, clock=clock)
    await manager.set_working_directory("used", "/a")
    clock.advance(-3600)
    await manager.get_working_directory("used")
    before = store.puts
    await manager._cleanup_stale_sessions()
    assert store.puts == before + 1


async def test_an_open_connection_prolongs_what_is_stored() -> None:
    """An idle session whose connection is open is stored again at every sweep."""
    store = DictStore()
    manager = SessionContextManager(store=store, is_alive=lambda _key: True)
    await manager.set_working_directory("open", "/a")
    before = store.puts
    await manager._cleanup_stale_sessions()
    await manager._cleanup_stale_sessions()
    assert store.puts == before + 2


async def test_a_restored_session_is_prolonged_like_any_other() -> None:
    """A session that came from the store, and is used or open, does not expire there under its user."""
    store, clock = DictStore(), FakeClock()
    await SessionContextManager(store=store, clock=clock).set_working_directory(HANDLE, "/a")
    for alive in (set[str](), {HANDLE}):
        manager = SessionContextManager(store=store, clock=clock, is_alive=alive.__contains__)
        clock.advance(10)
        assert await manager.get_working_directory(HANDLE) == "/a"
        before = store.puts
        await manager._cleanup_stale_sessions()
        assert store.puts == before + 1


async def test_an_expired_session_is_not_brought_back_by_the_store() -> None:
    """A session that the sweep removed for its age stays removed, although its entry lives a little longer."""
    store, clock = DictStore(), FakeClock()
    manager = SessionContextManager(store=store, clock=clock)
    await manager.set_working_directory(HANDLE, "/a")
    clock.advance(MAX_IDLE + 1)
    assert await manager._cleanup_stale_sessions() == 1
    assert await manager.get_session(HANDLE) is None
    assert await manager.get_working_directory(HANDLE) is None
    assert await manager.get_session_count() == 0


async def test_a_long_absence_does_not_lose_the_session_of_a_process() -> None:
    """Where the connection itself says whose it is, an entry that is there is taken up, whatever its age."""
    store, clock = DictStore(), FakeClock()
    await SessionContextManager(store=store, clock=clock).set_working_directory("process", "/a")
    clock.advance(10 * MAX_IDLE)
    manager = SessionContextManager(store=store, clock=clock, is_alive=lambda _key: True)
    assert await manager.get_working_directory("process") == "/a"


async def test_an_open_connection_is_looked_up_once() -> None:
    """A connection that never set anything does not cost a look into the store for each of its calls."""
    store = GatedStore(gated=())
    asked = 0

    class Counting(DictStore):
        async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
            nonlocal asked
            asked += 1
            return await super().get(key, collection=collection)

    manager = SessionContextManager(store=Counting(), is_alive=lambda _key: True)
    for _ in range(5):
        assert await manager.get_session("process") is None
    assert asked == 1
    assert store.puts == 0


async def test_a_failed_lookup_is_not_remembered_as_an_absence() -> None:
    """A store that fails once does not make a restarted server forget the directory for good."""
    store = DictStore()
    await SessionContextManager(store=store).set_working_directory("process", "/a")
    store.failure = OSError("not mounted yet")
    manager = SessionContextManager(store=store, is_alive=lambda _key: True)
    await unreadable(manager.get_session("process"))
    store.failure = None
    assert await manager.get_working_directory("process") == "/a"


async def test_a_big_refresh_gives_the_loop_its_turns() -> None:
    """With a store too, others get a turn of the loop at least every SWEEP_CHUNK sessions of a sweep."""
    store, chunks = DictStore(), 5
    manager = SessionContextManager(store=store, max_sessions=chunks * SWEEP_CHUNK)
    for number in range(chunks * SWEEP_CHUNK):
        await manager.set_working_directory(str(number), "/a")
    for is_used in (False, True):
        if is_used:
            manager._is_alive = lambda _key: True
        got = 0
        sweep = asyncio.create_task(manager._cleanup_stale_sessions())
        while not sweep.done():
            got += 1
            await asyncio.sleep(0)
        assert await sweep == 0
        assert got >= 2 * chunks


async def test_the_archive_keeps_no_notes_about_sessions_that_are_gone() -> None:
    """Memory does not grow with the sessions that ever were: ended, evicted, swept or released."""
    store, clock = DictStore(), FakeClock()
    manager = SessionContextManager(store=store, clock=clock, max_sessions=10)
    for number in range(50):
        await manager.set_working_directory(f"s{number}", "/a")
    await manager.end_session("s49")
    manager.release("s48")
    clock.advance(MAX_IDLE + 1)
    await manager._cleanup_stale_sessions()
    gc.collect()
    archive = manager._archive
    assert archive is not None
    notes = {name: len(value) for name, value in vars(archive).items() if isinstance(value, Sized)}
    assert notes
    assert set(notes.values()) == {0}, notes


async def test_expired_entries_leave_the_disk(tmp_path: Path) -> None:
    """A sweep removes what has expired from the file store, so that the folder does not grow for ever."""
    store = LazyFileTreeStore(tmp_path / "sessions")
    manager = SessionContextManager(store=store)
    await manager.set_working_directory(HANDLE, "/a")
    [path] = (tmp_path / "sessions" / "sessions").glob("*.json")
    members = json.loads(path.read_text())
    members["expires_at"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(members))
    manager.release(HANDLE)
    await manager._cleanup_stale_sessions()
    assert not path.exists()
