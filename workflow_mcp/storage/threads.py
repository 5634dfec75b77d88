"""Threads for blocking work: file work, bounded in time, and the store's transactions.

They are daemon threads: the standard executors join theirs when the process ends, so a thread that
hangs in a dead file system would keep the process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from workflow_mcp.errors import Code, DirectoryError, shown

MIN_THREADS = 2
MAX_THREADS = 256
MAX_QUEUE_SECONDS = 0.02
FILE_TIMEOUT = 5.0

T = TypeVar("T")


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    location: str | None = None
    started: bool = False
    done: bool = False
    hangs: bool = False

    def settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class WorkerThreads:
    """Runs blocking work in threads; work that hangs delays only its own callers.

    Two threads are kept. A job that has waited for `MAX_QUEUE_SECONDS` gets a new thread, up to `MAX_THREADS`.

    Args:
        timeout: maximum seconds of a job of `run_bounded`.
    """

    def __init__(self, *, timeout: float = FILE_TIMEOUT) -> None:
        self._timeout = timeout
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._threads = 0
        self._hanging: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return its result."""
        job = self._submit(work)
        timer = job.loop.call_later(MAX_QUEUE_SECONDS, self._add_thread_for, job)
        try:
            return await job.future
        finally:
            timer.cancel()

    async def run_bounded(self, location: str, work: Callable[[], T]) -> T:
        """Run `work`, which accesses the directory `location`, in a thread and return its result.

        Raises:
            DirectoryError: `DIRECTORY_TIMEOUT`; at once while earlier work on `location` still hangs.
        """
        if location in self._hanging:
            raise self._timed_out(location)
        job = self._submit(work, location)
        timers = (
            job.loop.call_later(MAX_QUEUE_SECONDS, self._add_thread_for, job),
            job.loop.call_later(self._timeout, self._expire, job, location),
        )
        try:
            return await job.future
        finally:
            if job.done:
                for timer in timers:
                    timer.cancel()

    def close(self) -> None:
        """Let the threads end when they have finished the queued jobs."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _submit(self, work: Callable[[], T], location: str | None = None) -> _Job[T]:
        loop = asyncio.get_running_loop()
        # What a thread logs belongs to the request that asked for it.
        job = _Job(partial(copy_context().run, work), loop, loop.create_future(), location)
        self._queue.put(job)
        if self._threads < MIN_THREADS:
            self._add_thread()
        return job

    def _add_thread_for(self, job: _Job[Any]) -> None:
        if not job.started:
            self._add_thread()

    def _expire(self, job: _Job[Any], location: str) -> None:
        with self._lock:
            if not job.done:
                job.hangs = True
                self._hanging[location] += 1
        job.settle(None, self._timed_out(location))

    def _add_thread(self) -> None:
        with self._lock:
            if self._threads >= MAX_THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._serve, name="worker", daemon=True).start()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            job.started = True
            result, error = _outcome(job.work)
            self._finish(job)
            # The event loop may have been closed meanwhile.
            with contextlib.suppress(RuntimeError):
                job.loop.call_soon_threadsafe(job.settle, result, error)
            if self._is_surplus():
                return
        with self._lock:
            self._threads -= 1

    def _is_surplus(self) -> bool:
        with self._lock:
            surplus = self._threads > MIN_THREADS and self._queue.empty()
            self._threads -= surplus
            return surplus

    def _finish(self, job: _Job[Any]) -> None:
        with self._lock:
            job.done = True
            if job.hangs and job.location is not None:
                self._hanging[job.location] -= 1
                self._hanging = +self._hanging

    def _timed_out(self, location: str) -> DirectoryError:
        return DirectoryError(
            Code.DIRECTORY_TIMEOUT,
            f"{shown(location)} did not answer within {self._timeout:g} s.",
            "check that its file system is there and answers, then call again.",
        )


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's task
        return None, error
