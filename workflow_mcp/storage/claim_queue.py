"""Those who wait to claim an item of one project: a change is looked at once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from workflow_mcp.storage.changes import Served, Signal
from workflow_mcp.storage.databases import Databases, ProjectDatabases, ReadableDatabase, store_closed
from workflow_mcp.work.values import Project

if TYPE_CHECKING:
    from workflow_mcp.storage.items.claims import Wanted
    from workflow_mcp.work.results import Claim

WantedStill = Callable[[], Awaitable[bool]]


class _Waiter(Signal):
    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self.wanted = wanted


class ClaimQueue(Served[_Waiter]):
    """Lets actors wait in the order in which they came; each item that becomes ready is offered to one of them.

    Args:
        databases: what the project's data is in.
        project: the project.
    """

    def __init__(self, databases: Databases, project: Project) -> None:
        super().__init__()
        self._databases = databases
        self._project = project
        self._changed = Signal()

    async def claim(
        self, wanted: Wanted, seconds: float, wanted_still: WantedStill | None, *, through: ProjectDatabases
    ) -> Claim | None:
        """Claim what is wanted as soon as that can be done; None when it cannot within so many seconds.

        Args:
            wanted: what is wanted.
            seconds: how long to wait.
            wanted_still: is asked before anything is taken; None is returned where it says no.
            through: the databases as whoever waits reaches them.

        Raises:
            WorkItemError: see `claims.claim`.
            StoreError: the data cannot be used.
        """
        from workflow_mcp.storage.items.claims import claim

        now, waiter = asyncio.get_running_loop().time, _Waiter(wanted)
        deadline = now() + seconds
        async with through.use(self._project) as database, self.join(waiter):
            try:
                # Also whoever comes last is told when it is its turn: a claim in vain would be a change for all others.
                self._changed.tell()
                while await waiter.next(deadline - now()):
                    if wanted_still is not None and not await wanted_still():
                        return None
                    if claimed := await database.write(partial(claim, wanted=wanted), beside=not wanted.is_named):
                        return claimed
                return None
            finally:
                # What was offered and not taken is for the others.
                self._changed.tell()

    async def _serve(self, begun: Callable[[], None]) -> None:
        async with (
            self._databases.use_to_read(self._project) as database,
            self._databases.changes(self._project) as self._changed,
        ):
            begun()
            while True:
                next_end = await self._offer(database)
                await self._changed.next(next_end)

    async def _offer(self, database: ReadableDatabase) -> float | None:
        """Tell those who can claim something now; returns the seconds until the next lease ends."""
        from workflow_mcp.storage.items.waiting import due_now

        waiting = list(self._signals)
        due, next_end = await database.read(partial(due_now, waiting=[one.wanted for one in waiting]))
        for waiter, is_its_turn in zip(waiting, due, strict=True):
            if is_its_turn:
                waiter.tell()
        return next_end


class ClaimQueues:
    """The queues of all projects in which somebody waits."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._may_wait = True
        self._queues: WeakValueDictionary[Project, ClaimQueue] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(queue) for queue in self._queues.values())

    async def claim(
        self,
        project: Project,
        wanted: Wanted,
        seconds: float,
        wanted_still: WantedStill | None = None,
        *,
        through: ProjectDatabases,
    ) -> Claim | None:
        """See `ClaimQueue.claim`.

        Raises:
            StoreError: also `STORE_CLOSED`, once nobody may wait any more.
        """
        if not self._may_wait:
            raise store_closed()
        queue = self._queues.setdefault(project, ClaimQueue(self._databases, project))
        return await queue.claim(wanted, seconds, wanted_still, through=through)

    def end(self) -> None:
        """Let all who wait raise `STORE_CLOSED`, and nobody wait from now on."""
        self._may_wait = False
        for queue in list(self._queues.values()):
            queue.end(store_closed())
