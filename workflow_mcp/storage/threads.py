"""Blocking file work, off the event loop and bounded in time.

Daemon threads of our own, because a library's worker threads are joined when the process ends: one
that hangs in a dead file system would keep it for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from workflow_mcp.errors import Code, DirectoryError, shown

THREADS = 2
MAX_THREADS = 256
PATIENCE = 0.02

T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    place: str
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    key: Hashable
    futures: list[asyncio.Future[Any]] = field(default_factory=list)
    started: bool = False
    done: bool = False
    hangs: bool = False

    def settle(self, result: Any, error: BaseException | None) -> None:
        for future in self.futures:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class FileWork:
    """Runs file work in threads; a file system that hangs costs its own callers time and nobody else.

    Args:
        timeout: seconds one piece of work may take.
    """

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: dict[Hashable, _Job] = {}
        self._threads = 0
        self._hanging: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, place: str, work: Callable[[], T], *, shared: Hashable = None) -> T:
        """What `work`, which touches the directory `place`, returns.

        Work under one `shared` key is the same work: those who ask for it before it has begun get
        one answer, which is as fresh as each of them can expect.

        Raises:
            DirectoryError: `DIRECTORY_TIMEOUT`; at once where earlier work on `place` still hangs.
        """
        if place in self._hanging:
            raise self._timed_out(place)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            job = self._waiting.get((loop, shared)) if shared is not None else None
            if job is not None:
                job.futures.append(future)
        if job is not None:
            return await future
        return await self._submit(_Job(place, work, loop, (loop, shared), [future]), future)

    async def _submit(self, job: _Job, future: asyncio.Future[T]) -> T:
        with self._lock:
            self._waiting[job.key] = job
        self._queue.put(job)
        if self._threads < THREADS:
            self._add_thread()
        help_call = job.loop.call_later(PATIENCE, self._help, job)
        expiry = job.loop.call_later(self._timeout, self._expire, job)
        try:
            return await future
        finally:
            if job.done:
                help_call.cancel()
                expiry.cancel()

    def close(self) -> None:
        """Let the threads end once they have done what they were given."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _help(self, job: _Job) -> None:
        # All threads are busy, perhaps for long: this job gets one more.
        if not job.started:
            self._add_thread()

    def _expire(self, job: _Job) -> None:
        with self._lock:
            if not job.done:
                job.hangs = True
                self._hanging[job.place] += 1
        job.settle(None, self._timed_out(job.place))

    def _add_thread(self) -> None:
        with self._lock:
            if self._threads >= MAX_THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._serve, name="file-work", daemon=True).start()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            self._begin(job)
            result, error = _outcome(job.work)
            self._finish(job)
            # A loop that has been closed meanwhile waits for nothing.
            with contextlib.suppress(RuntimeError):
                job.loop.call_soon_threadsafe(job.settle, result, error)
            if self._is_spare():
                return
        with self._lock:
            self._threads -= 1

    def _begin(self, job: _Job) -> None:
        with self._lock:
            job.started = True
            if self._waiting.get(job.key) is job:
                del self._waiting[job.key]

    def _is_spare(self) -> bool:
        with self._lock:
            spare = self._threads > THREADS and self._queue.empty()
            self._threads -= spare
            return spare

    def _finish(self, job: _Job) -> None:
        with self._lock:
            job.done = True
            if job.hangs:
                self._hanging[job.place] -= 1
                self._hanging = +self._hanging

    def _timed_out(self, place: str) -> DirectoryError:
        return DirectoryError(
            Code.DIRECTORY_TIMEOUT,
            f"{shown(place)} did not answer within {self._timeout:g} s.",
            "check that its file system is there and answers, then call again.",
        )


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
        return None, error
