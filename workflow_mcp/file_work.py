"""Blocking file work, off the event loop and bounded in time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread

from workflow_mcp.errors import DirectoryError, shown

MOST_THREADS = 256

T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    done: bool = False
    hangs: bool = False


class FileWork:
    """Runs file work in threads; a file system that hangs costs its own callers time and nobody else.

    Args:
        timeout: seconds one piece of work may take.
    """

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._limiter = anyio.CapacityLimiter(MOST_THREADS)
        self._hanging: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, place: str, work: Callable[[], T]) -> T:
        """What `work`, which touches the directory `place`, returns.

        Raises:
            DirectoryError: `DIRECTORY_TIMEOUT`; at once where earlier work on `place` still hangs.
        """
        if place in self._hanging:
            raise self._timed_out(place)
        job = _Job()

        def tracked() -> T:
            try:
                return work()
            finally:
                self._finish(place, job)

        with anyio.move_on_after(self._timeout):
            return await anyio.to_thread.run_sync(tracked, abandon_on_cancel=True, limiter=self._limiter)
        self._abandon(place, job)
        raise self._timed_out(place)

    def _abandon(self, place: str, job: _Job) -> None:
        with self._lock:
            if not job.done:
                job.hangs = True
                self._hanging[place] += 1

    def _finish(self, place: str, job: _Job) -> None:
        with self._lock:
            job.done = True
            if job.hangs:
                self._hanging[place] -= 1
                self._hanging = +self._hanging

    def _timed_out(self, place: str) -> DirectoryError:
        return DirectoryError(
            "DIRECTORY_TIMEOUT",
            f"{shown(place)} did not answer within {self._timeout:g} s.",
            "check that its file system is there and answers, then call again.",
        )
