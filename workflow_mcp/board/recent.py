"""What is computed once for all who ask for the same: many boards look at a project at the same moment."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_ANSWERS = 32
MAX_AGE_SECONDS = 1.0  # a claim expires without an event


class Recent:
    """The last answers by what was asked; each is computed once, also while others ask for it.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, asyncio.Task[bytes]]] = OrderedDict()

    async def get(self, asked: Hashable, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer to what is asked, at most a second old; who computes it decides what it raises for all."""
        known = self._answers.get(asked)
        if known is None or self._clock() - known[0] >= MAX_AGE_SECONDS or (known[1].done() and _failed(known[1])):
            known = self._clock(), asyncio.ensure_future(_run(compute))
            self._answers[asked] = known
            self._answers.move_to_end(asked)
            while len(self._answers) > MAX_ANSWERS:
                self._answers.popitem(last=False)
        return await asyncio.shield(known[1])


async def _run(compute: Callable[[], Awaitable[bytes]]) -> bytes:
    return await compute()


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.cancelled() or task.exception() is not None


class Together(Generic[T]):
    """Answers that begin to be computed after they were asked for; who asks meanwhile shares the next one."""

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[T]] = {}
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, asked: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """The answer to what is asked, as it is now; who computes it decides what it raises for all."""
        if asked not in self._next:
            self._next[asked] = asyncio.ensure_future(self._compute(asked, compute))
        return await asyncio.shield(self._next[asked])

    async def _compute(self, asked: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        if asked in self._running:
            await asyncio.wait([self._running[asked]])
        self._running[asked] = self._next.pop(asked)
        try:
            return await compute()
        finally:
            del self._running[asked]
