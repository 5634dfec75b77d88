"""What is committed in a project, told to any number of readers by one task; without readers nothing is watched."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from workflow_mcp.work.values import Project

LOOK_SECONDS = 0.2
MIN_LOOK_SECONDS = 0.02


class Signal:
    """Tells one task that something happened; what happens several times before it looks is told once."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._failure: BaseException | None = None
        self._trace: TracebackType | None = None

    async def next(self, within: float | None = None) -> bool:
        """Wait until it is told again; False when `within` seconds it is not. None has no limit.

        Raises:
            StoreError: there is nothing to be told any more, because the project's data cannot be read.
        """
        if not self._told.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._told.wait()
        if self._failure is not None:
            # Others raise it too: without this, each would add where it did.
            raise self._failure.with_traceback(self._trace)
        told = self._told.is_set()
        self._told.clear()
        return told

    def tell(self, failure: BaseException | None = None) -> None:
        """Let `next` return, or raise `failure` from now on."""
        if failure is not None:
            self._failure, self._trace = failure, failure.__traceback__
        self._told.set()


SignalT = TypeVar("SignalT", bound=Signal)


class Served(ABC, Generic[SignalT]):
    """Signals, in the order in which they joined, which one task serves for as long as there are any."""

    def __init__(self) -> None:
        self._signals: dict[SignalT, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    def __len__(self) -> int:
        """How many signals are served."""
        return len(self._signals)

    @abstractmethod
    async def _serve(self, begun: Callable[[], None]) -> None:
        """Tell the signals, until it is cancelled; what it raises, all of them raise.

        Args:
            begun: to be called when it misses nothing any more that happens.
        """

    @asynccontextmanager
    async def join(self, signal: SignalT) -> AsyncIterator[None]:
        """While the body runs, the signal is one of those that are served."""
        self._signals[signal] = None
        try:
            self._start()
            await self._begun.wait()
            yield
        finally:
            del self._signals[signal]
            if not self._signals:
                self._stop()

    def tell(self, failure: BaseException | None = None) -> None:
        """Tell all signals."""
        for signal in self._signals:
            signal.tell(failure)

    def end(self, failure: BaseException) -> None:
        """End the task, and let all signals raise `failure`."""
        self._stop()
        self.tell(failure)

    def _start(self) -> None:
        if self._task is None:
            self._begun = asyncio.Event()
            self._task = asyncio.create_task(self._serve(self._begun.set))
            self._task.add_done_callback(self._ended)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._begun.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task is self._task:
            self._task = None
            self.tell(task.exception())
            self._begun.set()


class Feed(Served[Signal]):
    """Tells its readers what is committed in a project; while it has some, it looks whether there is anything.

    Args:
        look: returns what is different after every commit.
        interval: gives the seconds between two looks, unless it is called to `hasten`.
        min_interval: seconds between two looks at least, however often it is called to `hasten`.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Hashable]],
        *,
        interval: Callable[[], float] = lambda: LOOK_SECONDS,
        min_interval: float = MIN_LOOK_SECONDS,
    ) -> None:
        super().__init__()
        self._look = look
        self._interval = interval
        self._min_interval = min_interval
        self._hurry = asyncio.Event()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Signal]:
        """A signal that is told of all that is committed while the body runs."""
        changes = Signal()
        async with self.join(changes):
            yield changes

    def hasten(self) -> None:
        """Look soon, for something was committed by this process."""
        self._hurry.set()

    async def _serve(self, begun: Callable[[], None]) -> None:
        seen = await self._look()
        begun()
        while True:
            await self._until_due()
            now = await self._look()
            if now != seen:
                seen = now
                self.tell()

    async def _until_due(self) -> None:
        await asyncio.sleep(self._min_interval)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval() - self._min_interval):
                await self._hurry.wait()
        self._hurry.clear()


class Feeds:
    """The projects that are watched, each by one feed.

    Args:
        look: returns what is different after every commit in a project.
        interval: see `Feed`.
    """

    def __init__(
        self, look: Callable[[Project], Awaitable[Hashable]], *, interval: Callable[[], float] = lambda: LOOK_SECONDS
    ) -> None:
        self._look = look
        self._interval = interval
        self._read: WeakValueDictionary[str, Feed] = WeakValueDictionary()

    def read(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """See `Databases.changes`."""
        return self._read.setdefault(
            project.known_id, Feed(partial(self._look, project), interval=self._interval)
        ).read()

    def committed(self, project_id: str) -> None:
        """Note that something was committed."""
        if (feed := self._read.get(project_id)) is not None:
            feed.hasten()

    def hasten(self) -> None:
        """Look soon in all projects that are watched."""
        for feed in list(self._read.values()):
            feed.hasten()

    def end(self, failure: BaseException) -> None:
        """Watch no more; what readers wait for raises `failure`."""
        for feed in list(self._read.values()):
            feed.end(failure)
