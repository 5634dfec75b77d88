"""The order in which calls are begun."""

from __future__ import annotations

import asyncio
from collections import deque

MAX_CALLS_PER_TURN = 8


class Turns:
    """Begins calls in the order in which they arrived, a few in each turn of the event loop.

    Between turns the loop notices which clients have disconnected, and their calls are not begun. Calls that have
    begun are not counted, so one that waits for a file system or its client does not delay others.
    """

    def __init__(self, *, calls_per_turn: int = MAX_CALLS_PER_TURN) -> None:
        self._per_turn = calls_per_turn
        self._left = calls_per_turn
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> bool:
        """Wait until the call may begin; returns whether it had to wait."""
        self._turn_soon()
        if self._left and not self._waiting:
            self._left -= 1
            return False
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
        return True

    def _turn_soon(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._left = self._per_turn
        while self._left and self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                self._left -= 1
        if self._waiting:
            self._turn_soon()
