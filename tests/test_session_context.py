"""The contract of sessions in memory: who is known, for how long, and what a sweep costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support import BOUND, DictStore, FakeClock, turns
from workflow_mcp.session_context import (
    MAX_IDLE,
    MAX_SESSIONS,
    SWEEP_CHUNK,
    SWEEP_INTERVAL,
    SessionContext,
    SessionContextManager,
    adopt_session_context_manager,
    get_session_context_manager,
)


async def test_a_directory_that_was_set_is_what_is_got() -> None:
    """What one session sets, that session gets, and nobody else."""
    manager = SessionContextManager()
    await manager.set_working_directory("a", "/work/a")
    await manager.set_working_directory("b", "/work/b")
    assert await manager.get_working_directory("a") == "/work/a"
    assert await manager.get_working_directory("b") == "/work/b"


async def test_asking_for_an_unknown_session_does_not_create_it() -> None:
    """`get_working_directory` and `get_session` answer None for an unknown session, which stays unknown."""
    manager = SessionContextManager()
    assert await manager.get_working_directory("nobody") is None
    assert await manager.get_session("nobody") is None
    assert await manager.get_session_count() == 0


async def test_setting_again_replaces_everything_found_before() -> None:
    """A new directory never keeps the config or the project of the old one."""
    manager = SessionContextManager()
    await manager.set_working_directory("a", "/one", config_path="/one/c", project_id="p1")
    await manager.set_working_directory("a", "/two")
    session = await manager.get_session("a")
    assert session is not None
    assert (session.working_directory, session.config_path, session.project_id) == ("/two", None, None)


async def test_times_are_those_of_the_clock() -> None:
    """`set_at` is when the session was created, `last_used` when it was last used; `get_session` does not use it."""
    clock = FakeClock(100.0)
    manager = SessionContextManager(clock=clock)
    await manager.set_working_directory("a", "/a")
    clock.advance(50)
    await manager.get_working_directory("a")
    clock.advance(50)
    session = await manager.get_session("a")
    assert session is not None
    assert (session.set_at, session.last_used) == (100.0, 150.0)


async def test_another_directory_does_not_change_when_the_session_was_created() -> None:
    """`set_at` stays what it was when a directory is set again, also after a restart that found the session stored."""
    clock, store = FakeClock(100.0), DictStore()
    manager = SessionContextManager(clock=clock, store=store)
    await manager.set_project("a", config_path=None, project_id="p")
    for restarted in (manager, SessionContextManager(clock=clock, store=store)):
        clock.advance(50)
        await restarted.set_working_directory("a", f"/at-{clock.now}")
        session = await restarted.get_session("a")
        assert session is not None
        assert (session.set_at, session.last_used) == (100.0, clock.now)
        assert session.working_directory == f"/at-{clock.now}"


async def test_a_session_that_is_handed_out_is_a_copy() -> None:
    """Whoever changes what `get_session` returned changes nothing in the manager."""
    manager = SessionContextManager()
    await manager.set_working_directory("a", "/a")
    session = await manager.get_session("a")
    assert session is not None
    session.working_directory = "/elsewhere"
    assert await manager.get_working_directory("a") == "/a"


async def test_a_project_may_be_the_first_thing_that_is_known() -> None:
    """`set_project` fills in a session's config and project, and creates the session if needed; it is use."""
    clock = FakeClock(100.0)
    manager = SessionContextManager(clock=clock)
    await manager.set_project("chose", config_path=None, project_id="p")
    assert await manager.get_session("chose") == SessionContext("chose", None, None, "p", 100.0, 100.0)
    await manager.set_working_directory("a", "/a")
    clock.advance(50)
    await manager.set_project("a", config_path="/a/c", project_id="p")
    assert await manager.get_session("a") == SessionContext("a", "/a", "/a/c", "p", 100.0, 150.0)


async def test_ending_forgets_once() -> None:
    """`end_session` says whether there was something to forget; afterwards the session is unknown."""
    manager = SessionContextManager()
    await manager.set_working_directory("a", "/a")
    assert await manager.end_session("a") is True
    assert await manager.end_session("a") is False
    assert await manager.get_working_directory("a") is None


@pytest.mark.parametrize(
    ("idle", "stays"),
    [(0.0, True), (MAX_IDLE - 1, True), (MAX_IDLE, True), (MAX_IDLE + 0.001, False), (-3600.0, True)],
)
async def test_the_sweep_removes_what_is_idle_for_longer_than_the_age(idle: float, stays: bool) -> None:
    """Exactly at the age a session stays, just over it goes, and a clock set back removes nothing."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock)
    await manager.set_working_directory("a", "/a")
    clock.advance(idle)
    assert await manager._cleanup_stale_sessions() == (0 if stays else 1)
    assert (await manager.get_session("a") is not None) is stays


@pytest.mark.parametrize(("idle", "known"), [(MAX_IDLE, True), (MAX_IDLE + 0.001, False)])
async def test_an_expired_session_is_gone_before_it_is_swept(idle: float, known: bool) -> None:
    """An expired session is not handed out in the time until the next sweep."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock)
    await manager.set_working_directory("a", "/a")
    clock.advance(idle)
    assert (await manager.get_session("a") is not None) is known


async def test_use_keeps_a_session() -> None:
    """A session used once a day is never swept."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock)
    await manager.set_working_directory("a", "/a")
    for _ in range(5):
        clock.advance(MAX_IDLE)
        assert await manager.get_working_directory("a") == "/a"
        await manager._cleanup_stale_sessions()
    assert await manager.get_session_count() == 1


async def test_a_clock_that_was_ahead_keeps_no_session_for_ever() -> None:
    """A session used while the clock was years ahead expires a day after the clock was put right."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock)
    clock.advance(10 * 365 * 86_400)
    await manager.set_working_directory("a", "/a")
    clock.advance(-10 * 365 * 86_400)
    assert await manager._cleanup_stale_sessions() == 0
    clock.advance(MAX_IDLE + 1)
    assert await manager._cleanup_stale_sessions() == 1


async def test_idle_is_not_gone() -> None:
    """A session whose connection is open is never swept and never expired, however idle; once closed, it is."""
    clock, alive = FakeClock(), {"a"}
    manager = SessionContextManager(clock=clock, is_alive=alive.__contains__)
    await manager.set_working_directory("a", "/a")
    clock.advance(100 * MAX_IDLE)
    assert await manager._cleanup_stale_sessions() == 0
    assert await manager.get_session("a") is not None
    alive.clear()
    assert await manager._cleanup_stale_sessions() == 1


async def test_beyond_the_maximum_the_least_recently_used_goes() -> None:
    """Use, not age, decides who goes when there is no room."""
    manager = SessionContextManager(max_sessions=3)
    for name in "abc":
        await manager.set_working_directory(name, f"/{name}")
    await manager.get_working_directory("a")
    await manager.set_working_directory("d", "/d")
    assert [name for name in "abcd" if await manager.get_session(name)] == ["a", "c", "d"]


async def test_looking_at_a_session_is_not_using_it() -> None:
    """`get_session` does not save a session from being the least recently used."""
    manager = SessionContextManager(max_sessions=2)
    await manager.set_working_directory("a", "/a")
    await manager.set_working_directory("b", "/b")
    await manager.get_session("a")
    await manager.set_working_directory("c", "/c")
    assert await manager.get_session("a") is None


async def test_open_connections_are_not_evicted() -> None:
    """With open connections beyond the maximum all of them stay, and so does the newcomer."""
    manager = SessionContextManager(max_sessions=2, is_alive=lambda name: name.startswith("open"))
    for name in ("open1", "open2", "open3", "idle", "late"):
        await manager.set_working_directory(name, f"/{name}")
    held = [name for name in ("open1", "open2", "open3", "idle", "late") if await manager.get_session(name)]
    assert held == ["open1", "open2", "open3", "late"]


async def test_a_closed_connection_leaves_memory() -> None:
    """`release` drops the session; releasing it again is harmless."""
    manager = SessionContextManager()
    await manager.set_working_directory("a", "/a")
    manager.release("a")
    manager.release("a")
    assert await manager.get_working_directory("a") is None


async def test_the_contract_s_defaults() -> None:
    """An hourly sweep, an age of a day and 10 000 sessions."""
    assert (SWEEP_INTERVAL, MAX_IDLE, MAX_SESSIONS) == (3600.0, 86_400.0, 10_000)


async def test_start_and_stop_are_idempotent() -> None:
    """Starting twice keeps one sweep, stopping twice is harmless, and stop waits until the sweep has ended."""
    manager = SessionContextManager()
    await manager.stop()
    await manager.start()
    task = manager._cleanup_task
    await manager.start()
    assert manager._cleanup_task is task
    assert manager.running
    await manager.stop()
    assert task is not None
    assert task.cancelled()
    assert not manager.running
    await manager.stop()
    await manager.start()
    assert manager.running
    await manager.stop()


async def test_it_is_an_async_context_manager() -> None:
    """Entering starts and leaving stops, on the way of an exception too."""
    manager = SessionContextManager()

    async def fail_inside() -> None:
        async with manager as entered:
            assert entered is manager
            assert manager.running
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_inside()
    assert not manager.running


async def test_a_dead_sweep_is_started_again() -> None:
    """When the sweep's task has died, `start` makes a new one."""
    manager = SessionContextManager()
    await manager.start()
    dead = manager._cleanup_task
    assert dead is not None
    dead.cancel()
    await asyncio.wait({dead}, timeout=BOUND)
    assert not manager.running
    await manager.start()
    assert manager.running
    assert manager._cleanup_task is not dead
    await manager.stop()


class BreakingManager(SessionContextManager):
    """A manager whose first sweep fails."""

    def __init__(self) -> None:
        super().__init__(interval=0.0)
        self.sweeps = 0
        self.swept_again = asyncio.Event()

    async def _cleanup_stale_sessions(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise RuntimeError("the sweep breaks")
        self.swept_again.set()
        return 0


async def test_a_sweep_that_fails_is_logged_and_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """One failed sweep ends neither the sweeping nor the server, and leaves its traceback in the log."""
    async with BreakingManager() as manager, asyncio.timeout(BOUND):
        await manager.swept_again.wait()
    [record] = [record for record in caplog.records if record.exc_info]
    assert "sweep" in record.getMessage()


async def test_the_sweep_runs_every_interval() -> None:
    """The background task itself removes what is idle."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock, interval=0.001)
    await manager.set_working_directory("a", "/a")
    clock.advance(MAX_IDLE + 1)
    async with manager, asyncio.timeout(BOUND):
        while await manager.get_session_count():
            await turns()
    assert await manager.get_working_directory("a") is None


class StubbornManager(SessionContextManager):
    """A manager whose sweep takes its time over being cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def _cleanup_loop(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
            await self.may_end.wait()


async def test_stop_waits_for_the_sweep() -> None:
    """`stop` returns only once the sweep has ended."""
    manager = StubbornManager()
    await manager.start()
    await turns()
    stopping = asyncio.create_task(manager.stop())
    await asyncio.wait_for(manager.cancelled.wait(), BOUND)
    await turns()
    assert not stopping.done()
    manager.may_end.set()
    await asyncio.wait_for(stopping, BOUND)


async def test_stop_hands_on_its_caller_s_cancellation() -> None:
    """Whoever is cancelled while it waits in `stop` learns of it."""
    manager = StubbornManager()
    await manager.start()
    await turns()
    stopping = asyncio.create_task(manager.stop())
    await asyncio.wait_for(manager.cancelled.wait(), BOUND)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(stopping, BOUND)
    manager.may_end.set()
    await turns()


def test_it_works_in_a_second_event_loop() -> None:
    """Sessions and the sweep go on in a second loop after the first was closed, stopped there or not."""
    manager = SessionContextManager()

    async def first() -> None:
        await manager.start()
        await manager.set_working_directory("a", "/a")

    async def second() -> str | None:
        assert not manager.running
        async with manager:
            assert manager.running
            return await manager.get_working_directory("a")

    asyncio.run(first())
    assert asyncio.run(second()) == "/a"
    assert asyncio.run(second()) == "/a"


def test_stop_in_a_second_loop_does_not_touch_the_first() -> None:
    """A manager left running in a loop that was closed can be stopped in the next."""
    manager = SessionContextManager()
    asyncio.run(manager.start())
    asyncio.run(manager.stop())
    assert not manager.running


def test_the_process_s_manager_is_one_and_survives_loops() -> None:
    """`get_session_context_manager` gives the same manager in every loop, and it works in each."""

    async def use(name: str) -> SessionContextManager:
        manager = get_session_context_manager()
        async with manager:
            await manager.set_working_directory(name, f"/{name}")
            assert await manager.get_working_directory(name) == f"/{name}"
        return manager

    first, second = asyncio.run(use("one")), asyncio.run(use("two"))
    assert first is second


async def test_the_first_server_of_a_process_is_the_process_s() -> None:
    """A running manager is not displaced by another one; one that has stopped is."""
    first, second = SessionContextManager(), SessionContextManager()
    async with first:
        adopt_session_context_manager(first)
        adopt_session_context_manager(second)
        assert get_session_context_manager() is first
    adopt_session_context_manager(second)
    assert get_session_context_manager() is second


async def test_many_tasks_do_not_mix() -> None:
    """Two hundred tasks that set and get their own session each only ever see their own directory."""
    manager = SessionContextManager()

    async def client(number: int) -> None:
        for turn in range(20):
            await manager.set_working_directory(f"s{number}", f"/{number}/{turn}")
            await asyncio.sleep(0)
            assert await manager.get_working_directory(f"s{number}") == f"/{number}/{turn}"

    await asyncio.gather(*(client(number) for number in range(200)))
    assert await manager.get_session_count() == 200


def in_threads(work: Callable[[int], None], count: int = 8) -> None:
    """Run `work` in threads at once and raise what any of them raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(count)

    def guarded(number: int) -> None:
        try:
            barrier.wait(BOUND)
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def test_many_threads_do_not_mix() -> None:
    """Threads with event loops of their own share a manager, while it is swept and sessions end."""
    manager = SessionContextManager(max_sessions=64)

    async def client(number: int) -> None:
        for turn in range(150):
            name = f"s{number}-{turn % 4}"
            await manager.set_working_directory(name, f"/{name}/{turn}", project_id=f"{name}/{turn}")
            session = await manager.get_session(name)
            assert session is not None
            assert (session.working_directory, session.project_id) == (f"/{name}/{turn}", f"{name}/{turn}")
            if turn % 10 == 0:
                await manager._cleanup_stale_sessions()
                await manager.end_session(name)

    in_threads(lambda number: asyncio.run(client(number)))
    assert len(manager._sessions) <= 64


def test_one_session_is_read_and_written_as_a_whole() -> None:
    """A session written by several threads at once is never seen half old, half new."""
    manager = SessionContextManager()

    async def writer(number: int) -> None:
        for turn in range(300):
            value = f"{number}.{turn}"
            await manager.set_working_directory("shared", f"/{value}", config_path=value, project_id=value)
            session = await manager.get_session("shared")
            assert session is not None
            assert session.config_path == session.project_id
            assert session.working_directory == f"/{session.project_id}"

    in_threads(lambda number: asyncio.run(writer(number)), count=4)


async def test_a_big_sweep_gives_the_loop_its_turns() -> None:
    """While many sessions are swept, others get a turn of the loop at least every SWEEP_CHUNK sessions."""
    chunks = 10
    clock, seen = FakeClock(), list[int]()
    manager = SessionContextManager(clock=clock, max_sessions=chunks * SWEEP_CHUNK)
    for number in range(chunks * SWEEP_CHUNK):
        await manager.set_working_directory(str(number), "/a")
    clock.advance(MAX_IDLE + 1)
    sweep = asyncio.create_task(manager._cleanup_stale_sessions())
    while not sweep.done():
        seen.append(await manager.get_session_count())
        await asyncio.sleep(0)
    assert await sweep == chunks * SWEEP_CHUNK
    steps = [before - after for before, after in zip(seen, [*seen[1:], 0], strict=True)]
    assert max(steps) <= SWEEP_CHUNK
    assert len(seen) >= chunks


async def test_what_is_used_while_a_sweep_runs_stays() -> None:
    """A session set, used or ended between two chunks of a sweep is as its user left it."""
    clock = FakeClock()
    manager = SessionContextManager(clock=clock, max_sessions=3 * SWEEP_CHUNK)
    for number in range(2 * SWEEP_CHUNK):
        await manager.set_working_directory(str(number), "/a")
    clock.advance(MAX_IDLE + 1)
    sweep = asyncio.create_task(manager._cleanup_stale_sessions())
    await asyncio.sleep(0)  # the sweep has taken its first chunk
    await manager.end_session(str(2 * SWEEP_CHUNK - 1))
    await manager.set_working_directory(str(2 * SWEEP_CHUNK - 2), "/b")
    await manager.set_working_directory("new", "/new")
    await sweep
    assert await manager.get_working_directory(str(2 * SWEEP_CHUNK - 1)) is None
    assert await manager.get_working_directory(str(2 * SWEEP_CHUNK - 2)) == "/b"
    assert await manager.get_working_directory("new") == "/new"
    assert await manager.get_session_count() == 2


@dataclass
class Known:
    """What the model knows of one session."""

    directory: str
    last_used: float


NAMES = st.sampled_from("abcdef")
DIRECTORIES = st.sampled_from(["/one", "/two", "/three"])
ROOM = 4


class SessionModel(RuleBasedStateMachine):
    """The manager against a plain dict in order of use."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.alive = FakeClock(), set[str]()
        self.known: dict[str, Known] = {}
        self.loop = asyncio.new_event_loop()
        self.manager = SessionContextManager(
            clock=self.clock, max_sessions=ROOM, max_idle=100.0, is_alive=self.alive.__contains__
        )

    def teardown(self) -> None:
        self.loop.close()

    def stale(self, name: str) -> bool:
        return name not in self.alive and self.clock.now - self.known[name].last_used > 100.0

    @initialize(name=NAMES)
    def begin(self, name: str) -> None:
        """Begin with one session, so that the first rules have something to find."""
        self.set(name, "/first")

    @rule(name=NAMES, directory=DIRECTORIES)
    def set(self, name: str, directory: str) -> None:
        """Setting makes a session the most recently used and evicts from the other end."""
        self.loop.run_until_complete(self.manager.set_working_directory(name, directory))
        self.known.pop(name, None)
        self.known[name] = Known(directory, self.clock.now)
        for oldest in [other for other in self.known if other not in self.alive and other != name]:
            if len(self.known) > ROOM:
                del self.known[oldest]

    @rule(name=NAMES)
    def get(self, name: str) -> None:
        """Getting answers what was set last, and is use."""
        known = self.known.pop(name, None)
        if known is not None:
            known.last_used = self.clock.now
            self.known[name] = known
        answer = self.loop.run_until_complete(self.manager.get_working_directory(name))
        assert answer == (None if known is None else known.directory)

    @rule(name=NAMES)
    def look(self, name: str) -> None:
        """Looking answers for what is known and not expired."""
        session = self.loop.run_until_complete(self.manager.get_session(name))
        assert (session is not None) == (name in self.known and not self.stale(name))

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        """Ending forgets."""
        ended = self.loop.run_until_complete(self.manager.end_session(name))
        assert ended == (self.known.pop(name, None) is not None)

    @rule(seconds=st.sampled_from([-1000.0, -50.0, 0.5, 50.0, 100.0, 101.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        """The clock moves in either direction."""
        self.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        """A sweep removes the expired, and trusts no time in the future."""
        for known in self.known.values():
            known.last_used = min(known.last_used, self.clock.now)
        stale = [name for name in self.known if self.stale(name)]
        for name in stale:
            del self.known[name]
        assert self.loop.run_until_complete(self.manager._cleanup_stale_sessions()) == len(stale)

    @rule(name=NAMES)
    def connects(self, name: str) -> None:
        """A connection opens."""
        self.alive.add(name)

    @rule(name=NAMES)
    def closes(self, name: str) -> None:
        """A connection closes, and its session leaves memory."""
        if name in self.alive:
            self.alive.discard(name)
            self.manager.release(name)
            self.known.pop(name, None)

    @invariant()
    def the_same_are_known(self) -> None:
        """The manager holds exactly the sessions of the model."""
        assert set(self.manager._sessions) == set(self.known)


SessionModel.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSessionModel = SessionModel.TestCase
