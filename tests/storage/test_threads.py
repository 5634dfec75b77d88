"""File work that hangs costs its own callers time, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support import BOUND, accepted, until
from workflow_mcp.errors import DirectoryError
from workflow_mcp.storage.threads import WorkerThreads


class Mount:
    """A file system that answers nobody until it is back."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.waiting = 0

    def stat(self) -> str:
        """Work that hangs."""
        self.waiting += 1
        if not self.back.wait(BOUND):
            raise TimeoutError
        return "answer"


@asynccontextmanager
async def dead_mount(limit: float = 0.05) -> AsyncIterator[tuple[WorkerThreads, Mount]]:
    """File work and a mount that hangs, both ended whatever the test does."""
    files, mount = WorkerThreads(timeout=limit), Mount()
    try:
        async with asyncio.timeout(BOUND):
            yield files, mount
    finally:
        mount.back.set()
        files.close()


async def test_work_is_done_off_the_loop() -> None:
    """The result is the work's, computed in another thread."""
    files = WorkerThreads(timeout=BOUND)
    assert await files.run_bounded("/a", threading.get_ident) != threading.get_ident()
    files.close()


async def test_what_work_raises_is_raised() -> None:
    """An exception of the work is its caller's, and leaves the place usable."""
    files = WorkerThreads(timeout=BOUND)

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await files.run_bounded("/a", fail)
    assert await files.run_bounded("/a", lambda: 1) == 1
    files.close()


async def test_work_that_hangs_is_given_up_on() -> None:
    """After the time limit the caller gets one line that names the place and the limit."""
    async with dead_mount() as (files, mount):
        with pytest.raises(DirectoryError) as caught:
            await files.run_bounded("/dead\nmount", mount.stat)
    assert caught.value.code == "DIRECTORY_TIMEOUT"
    assert "0.05 s" in str(caught.value)
    assert "/dead\\nmount" in str(caught.value)


async def test_others_go_on_while_one_hangs() -> None:
    """Work on other places is done while many callers hang on one."""
    async with dead_mount(limit=BOUND) as (files, mount):
        hanging = [asyncio.create_task(files.run_bounded("/dead", mount.stat)) for _ in range(40)]
        for number in range(10):
            assert await files.run_bounded(f"/alive/{number}", lambda: "here") == "here"
        assert not any(task.done() for task in hanging)
        mount.back.set()
        assert set(await asyncio.gather(*hanging)) == {"answer"}


async def test_a_place_that_hangs_is_refused_at_once() -> None:
    """While earlier work on a place still hangs, more of it is refused without being begun; other places are not."""
    async with dead_mount() as (files, mount):
        with pytest.raises(DirectoryError):
            await files.run_bounded("/dead", mount.stat)
        begun = mount.waiting
        for _ in range(100):
            with pytest.raises(DirectoryError, match="DIRECTORY_TIMEOUT"):
                await files.run_bounded("/dead", mount.stat)
        assert mount.waiting == begun
        files._timeout = BOUND  # the limit above would bound a healthy place on a busy machine too
        assert await files.run_bounded("/alive", lambda: 1) == 1


async def test_a_place_that_is_back_is_used_again() -> None:
    """Once the hanging work has ended, the place is as good as any."""
    async with dead_mount() as (files, mount):
        results = await asyncio.gather(
            *(files.run_bounded("/dead", mount.stat) for _ in range(5)), return_exceptions=True
        )
        assert {type(result) for result in results} == {DirectoryError}
        mount.back.set()
        assert await accepted(lambda: files.run_bounded("/dead", lambda: "here")) == "here"


async def test_a_caller_that_leaves_does_not_hide_that_its_work_hangs() -> None:
    """A client that cancels its calls to a dead mount cannot pile up threads there."""
    async with dead_mount(limit=0.02) as (files, mount):
        leaving = asyncio.create_task(files.run_bounded("/dead", mount.stat))
        await until(lambda: mount.waiting == 1)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await until(lambda: "/dead" in files._hanging)
        with pytest.raises(DirectoryError, match="DIRECTORY_TIMEOUT"):
            await files.run_bounded("/dead", lambda: 1)


async def test_a_hung_server_s_innocent_places_recover() -> None:
    """A place whose work could not even begin, because everything was busy, is usable once that has passed."""
    async with dead_mount(limit=0.2) as (files, mount):
        busy = [asyncio.create_task(files.run_bounded(f"/dead/{number}", mount.stat)) for number in range(300)]
        await asyncio.wait(busy)
        mount.back.set()
        assert await accepted(lambda: files.run_bounded("/dead/299", lambda: 1)) == 1
        assert {type(task.exception()) for task in busy} == {DirectoryError}


def test_it_works_in_one_event_loop_after_another() -> None:
    """Threads that are there from one loop serve the next."""
    files = WorkerThreads(timeout=BOUND)
    for _ in range(3):
        assert asyncio.run(files.run_bounded("/a", lambda: "here")) == "here"
    files.close()


def test_a_loop_that_closed_is_not_waited_for() -> None:
    """Work that ends after its loop was closed ends quietly, and the next loop is served."""
    files, mount = WorkerThreads(timeout=0.01), Mount()

    async def give_up() -> None:
        with pytest.raises(DirectoryError):
            await files.run_bounded("/dead", mount.stat)

    asyncio.run(give_up())
    mount.back.set()
    files._timeout = BOUND
    assert asyncio.run(files.run_bounded("/alive", lambda: "here")) == "here"
    files.close()
