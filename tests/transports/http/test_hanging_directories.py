"""A directory whose file system hangs costs its own callers time, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.http import HttpClient
from tests.clients.protocol import Era
from tests.clients.served import served_here
from tests.support import BOUND
from workflow_mcp.workspace.directories import check_directory


class DeadMount:
    """Directories with `dead` in their path answer when told to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answer = threading.Event()

    def check(self, given: str, *arguments: Any, **options: Any) -> object:
        """Stands in for `check_directory`."""
        if "dead" in given:
            self.asked.release()
            assert self.answer.wait(BOUND)
        return check_directory(given, *arguments, **options)


@pytest.fixture
def mount(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadMount]:
    """A mount that is dead until the test ends."""
    dead = DeadMount()
    monkeypatch.setattr("workflow_mcp.workspace.locator.check_directory", dead.check)
    yield dead
    dead.answer.set()


def client(url: str, era: Era, directory: Path) -> HttpClient:
    """A client that names its directory in the header."""
    return HttpClient(url, era, (("X-Workflow-Directory", str(directory)),))


async def test_others_are_served_meanwhile(era: Era, tmp_path: Path, mount: DeadMount) -> None:
    """While calls for twelve dead directories hang, calls for a good one are answered; later so are the others."""
    good, dead = tmp_path / "good", [tmp_path / f"dead{number}" for number in range(12)]
    for directory in (good, *dead):
        directory.mkdir()
    async with served_here(tmp_path / "home", file_timeout=300) as server, client(server.url, era, good) as other:
        stuck = [client(server.url, era, directory) for directory in dead]
        for each in stuck:
            await each.open()
        calls = [asyncio.create_task(each.call("get_working_directory")) for each in stuck]
        for _ in dead:
            await asyncio.to_thread(mount.asked.acquire, timeout=BOUND)
        for _ in range(20):
            assert (await other.call("get_working_directory")).data["directory"] == str(good)
        assert (await other.call("set_working_directory", directory=str(good))).data["directory"] == str(good)
        assert not any(call.done() for call in calls)
        mount.answer.set()
        assert [answer.data["directory"] for answer in await asyncio.gather(*calls)] == [str(path) for path in dead]
        for each in stuck:
            await each.__aexit__(None, None, None)


async def test_its_own_callers_are_told(era: Era, tmp_path: Path, mount: DeadMount) -> None:
    """A call for a directory that does not answer in time fails with DIRECTORY_TIMEOUT; the next one at once."""
    dead = tmp_path / "dead"
    dead.mkdir()
    async with served_here(tmp_path / "home", file_timeout=0.2) as server, client(server.url, era, dead) as caller:
        for _ in range(3):
            refused = await caller.call("get_working_directory")
            assert refused.code == "DIRECTORY_TIMEOUT"
            assert str(dead) in refused.text
        assert mount.asked.acquire(blocking=False)
        assert not mount.asked.acquire(blocking=False), "it was not asked again"
