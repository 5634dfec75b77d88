"""Fakes and makers that many tests share."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from workflow_mcp.errors import WorkflowError
from workflow_mcp.sessions.stores.protocol import Entry
from workflow_mcp.settings import Settings

PROJECT_ID = "eca49f13-f342-4958-95a0-d7b9ba2a42eb"
NOBODY = 65534
T = TypeVar("T")
QUICK_LOOKS = 100
PAUSE = 0.002  # seconds between the looks after those
BOUND = 90.0  # seconds that a wait may take before it counts as a hang

posix_only = pytest.mark.skipif(os.name != "posix", reason="file owners, modes and FIFOs are POSIX's")
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make files of other users"
)


class FakeClock:
    """A clock that moves when told to, in either direction."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move; negative seconds set the clock back."""
        self.now += seconds


class DictStore:
    """A `SessionStore` in a dict, whose writes can be held up and whose every operation can fail."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self.lifetimes: dict[str, float | None] = {}
        self.puts = 0
        self.failure: Exception | None = None

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        self._fail()
        return self.entries.get(key)

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        self._fail()
        self.puts += 1
        self.entries[key] = dict(value)
        self.lifetimes[key] = ttl

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        self._fail()
        return self.entries.pop(key, None) is not None

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class GatedStore(DictStore):
    """A `DictStore` whose operations wait at a gate of their own, to be let through in any order."""

    def __init__(self, *, gated: tuple[str, ...]) -> None:
        super().__init__()
        self._gated = gated
        self.waiting: list[tuple[str, asyncio.Event]] = []
        self._arrived = asyncio.Condition()

    async def arrivals(self, count: int) -> None:
        """Wait until `count` operations have come to their gates."""
        async with asyncio.timeout(BOUND), self._arrived:
            await self._arrived.wait_for(lambda: len(self.waiting) >= count)

    def open(self, index: int) -> None:
        """Let the operation through that came as number `index`."""
        self.waiting[index][1].set()

    def open_all(self) -> None:
        """Let everything through from now on."""
        self._gated = ()
        for _, gate in self.waiting:
            gate.set()

    async def _pass(self, operation: str) -> None:
        if operation in self._gated:
            gate = asyncio.Event()
            async with self._arrived:
                self.waiting.append((operation, gate))
                self._arrived.notify_all()
            await gate.wait()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        found = await super().get(key, collection=collection)
        await self._pass("get")
        return found

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        await self._pass("put")
        await super().put(key, value, collection=collection, ttl=ttl)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        gone = await super().delete(key, collection=collection)
        await self._pass("delete")
        return gone


async def turns(count: int = 20) -> None:
    """Give the event loop turns, so that whatever can proceed does."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or process brings about, which needs the processor too."""
    looks = 0
    async with asyncio.timeout(BOUND):
        while not condition():
            looks += 1
            await asyncio.sleep(0 if looks < QUICK_LOOKS else PAUSE)


async def accepted(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` answers as soon as it is no longer refused."""
    async with asyncio.timeout(BOUND):
        while True:
            try:
                return await attempt()
            except WorkflowError:
                await asyncio.sleep(0)


def make_settings(base: Path | str, **values: Any) -> Settings:
    """Settings with a home and a data dir under `base`, and nothing from this process."""
    defaults: dict[str, Any] = {
        "data_dir": Path(base) / "data",
        "home": str(Path(base) / "home"),
        "process_directory": None,
    }
    return Settings(**{**defaults, **values})


def config_text(name: str = "codebase-mcp", *, project_id: str | None = PROJECT_ID, **keys: Any) -> str:
    """A config's text."""
    project = {"name": name} if project_id is None else {"name": name, "id": project_id}
    return json.dumps({"version": "1.0", "project": project, **keys})


def write_config(directory: Path | str, content: str | bytes | Mapping[str, Any] | None = None) -> str:
    """Write a directory's config, a good one by default; returns the config's path."""
    folder = Path(directory) / ".workflow-mcp"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    text = config_text() if content is None else content
    data = text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode()
    path.write_bytes(data)
    return str(path)


def unprivileged(work: Callable[[], T]) -> T:
    """What `work` returns in a thread that file modes bind, even where root runs the tests.

    The thread stays root's, so it can still read, and import, whatever belongs to root.
    """
    if os.geteuid() != 0:
        return work()
    if sys.platform != "linux":
        pytest.skip("only Linux lets a thread of root give up its power over file modes")
    with ThreadPoolExecutor(1, initializer=_give_up_power_over_modes) as thread:
        return thread.submit(work).result()


def _give_up_power_over_modes() -> None:
    """Remove CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER from this thread, see capabilities(7)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    # Effective, permitted and inheritable: the low words of all three, then the high ones.
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0, os.strerror(ctypes.get_errno())
    for index in range(3):
        sets[index] &= ~0b1110
    assert libc.capset(header, sets) == 0, os.strerror(ctypes.get_errno())
