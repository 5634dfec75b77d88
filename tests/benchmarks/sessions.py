"""What sessions cost with 100 000 of them live: `python -m tests.benchmarks.sessions`.

Prints medians over rounds: one set and one get against a plain dict in the same run, and the longest
that a sweep kept the event loop from its next turn. All of it is CPU time of the loop's thread, which a
busy machine does not lengthen. Exits with 1 when a maximum is exceeded.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from workflow_mcp.session_context import SessionContextManager
from workflow_mcp.sessions.stores.protocol import Entry

LIVE = 100_000
SAMPLE = 20_000
ROUNDS = 7
MAX_CALL_US = 3.0
MAX_HOLD_MS = 5.0


class Memory:
    """A store that never waits, which is the worst that can happen to the loop."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, object] | None:
        """See `SessionStore`."""
        return dict(self.entries[key]) if key in self.entries else None

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """See `SessionStore`."""
        self.entries[key] = value

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """See `SessionStore`."""
        return self.entries.pop(key, None) is not None


class PlainDict:
    """The least that anything like it can cost: coroutines around a dict."""

    def __init__(self) -> None:
        self.directories: dict[str, str] = {}

    async def set(self, key: str, directory: str) -> None:
        """Store."""
        self.directories[key] = directory

    async def get(self, key: str) -> str | None:
        """Look up."""
        return self.directories.get(key)


async def filled(store: Memory | None = None) -> SessionContextManager:
    """A manager with 100 000 sessions."""
    manager = SessionContextManager(max_sessions=LIVE, store=store)
    for number in range(LIVE):
        await manager.set_working_directory(f"session-{number}", f"/work/{number}")
    return manager


async def microseconds(call: Callable[[str], Awaitable[object]], keys: list[str]) -> float:
    """The median over rounds of one call's microseconds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for key in keys:
            await call(key)
        rounds.append((time.thread_time() - begun) / len(keys) * 1e6)
    return statistics.median(rounds)


async def longest_hold(manager: SessionContextManager) -> float:
    """The longest that one sweep keeps the loop from its next turn, in milliseconds."""
    longest, sweep = 0.0, asyncio.create_task(manager._cleanup_stale_sessions())
    while not sweep.done():
        begun = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - begun)
    await sweep
    return longest * 1e3


async def sweep_hold(manager: SessionContextManager, *, idle: bool) -> float:
    """The median over rounds of the longest hold; with `idle`, the first and only sweep removes everything."""
    if idle:
        manager._max_idle = -1.0
        return await longest_hold(manager)
    return statistics.median([await longest_hold(manager) for _ in range(ROUNDS)])


async def main() -> int:
    """Measure, print, and say whether the promises hold."""
    manager, plain = await filled(), PlainDict()
    keys = [f"session-{number}" for number in random.Random(1).sample(range(LIVE), SAMPLE)]
    for number in range(LIVE):
        await plain.set(f"session-{number}", f"/work/{number}")
    gc.collect()
    calls = {
        "set": await microseconds(lambda key: manager.set_working_directory(key, "/work/x"), keys),
        "set, plain dict": await microseconds(lambda key: plain.set(key, "/work/x"), keys),
        "get": await microseconds(manager.get_working_directory, keys),
        "get, plain dict": await microseconds(plain.get, keys),
    }
    stored = await filled(Memory())
    holds = {
        "sweep, all in use": await sweep_hold(manager, idle=False),
        "sweep, all in use, with a store": await sweep_hold(stored, idle=False),
    }
    stored._is_alive = lambda _session_id: True
    holds["sweep, all stored again"] = await sweep_hold(stored, idle=False)
    stored._is_alive = lambda _session_id: False
    holds["sweep, all removed, with a store"] = await sweep_hold(stored, idle=True)
    holds["sweep, all removed"] = await sweep_hold(manager, idle=True)
    for name, value in calls.items():
        print(f"{name:<34} {value:7.2f} µs")
    for name, value in holds.items():
        print(f"{name:<34} {value:7.2f} ms longest hold of the loop")
    slow = [name for name in ("set", "get") if calls[name] > MAX_CALL_US]
    slow += [name for name, value in holds.items() if value > MAX_HOLD_MS]
    print("broken: " + ", ".join(slow) if slow else "all promises hold")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
