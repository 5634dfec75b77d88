"""The order in which calls begin."""

from __future__ import annotations

import asyncio
from collections import deque

MAX_CALLS_PER_TURN = 8


class Turns:
    """Lets calls begin in the order they came in, a few in each turn of the event loop.

    Between two turns the loop sees which clients have gone, so that their calls need not begin. Calls in
    progress hold nothing: one that waits for a slow file system or for its client delays nobody.
    """

    def __init__(self, *, calls_per_turn: int = MAX_CALLS_PER_TURN) -> None:
        self._per_turn = calls_per_turn
        self._left = calls_per_turn
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> bool:
        """Wait until the call may begin; whether that took a turn."""
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
