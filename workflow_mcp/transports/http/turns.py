"""The order in which calls are begun."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

MAX_CALLS_PER_TURN = 8


class Turns:
    """Begins calls in the order in which they arrived, a few in each turn of the event loop.

    Between turns the loop notices which clients have disconnected. Their calls are not begun and do not count, so
    that they never wait longer than one turn. Calls that have begun are not counted either, so one that waits for a
    file system or its client does not delay others.
    """

    def __init__(self, *, calls_per_turn: int = MAX_CALLS_PER_TURN) -> None:
        self._per_turn = calls_per_turn
        self._left = calls_per_turn
        self._turning = False
        self._waiting: deque[tuple[asyncio.Future[bool], Callable[[], bool]]] = deque()

    async def wait(self, is_gone: Callable[[], bool]) -> bool:
        """Wait until the call may begin; returns False when its client has disconnected, as `is_gone` says."""
        self._turn_soon()
        if self._left and not self._waiting:
            self._left -= 1
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, is_gone))
        return await future

    def _turn_soon(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._left = self._per_turn
        waiting, self._waiting = self._waiting, deque()
        for future, is_gone in waiting:
            if future.done():
                continue
            if is_gone():
                future.set_result(False)
            elif self._left:
                self._left -= 1
                future.set_result(True)
            else:
                self._waiting.append((future, is_gone))
        if self._waiting:
            self._turn_soon()
