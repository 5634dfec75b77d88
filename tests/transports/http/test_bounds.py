"""What clients can make the server hold is bounded, in memory and on disk, and what they leave is freed."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path

import pytest

from tests.clients.http import HttpClient, stream
from tests.clients.peers import MemoryPeer, in_memory, isolated_settings
from tests.clients.protocol import MODERN
from tests.clients.served import served_here, serving
from tests.transports.http.test_handles import minted, result
from workflow_mcp import build_server

MOST = 20


async def sessions(client: HttpClient) -> int:
    """How many sessions the server holds in memory."""
    count: int = (await client.call("health_check")).data["sessions"]
    return count


async def test_sessions_are_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    """However many sessions one client begins, no more than `MAX_SESSIONS` are kept anywhere: the latest ones."""
    folder = tmp_path / "home" / "data" / "sessions" / "sessions"
    with serving(tmp_path / "home", WORKFLOW_MCP_MAX_SESSIONS=str(MOST)) as served:
        async with HttpClient(served.url) as client, HttpClient(served.url, "legacy") as other:
            handles: deque[str] = deque(maxlen=MOST)
            for _ in range(40):
                handles += await asyncio.gather(minted(client, tmp_path), minted(other, tmp_path))
                assert len(list(folder.glob("*.json"))) <= MOST
            assert await sessions(client) == MOST
            stored = {path.name for path in folder.glob("*.json")}
            assert len(stored) == MOST
            for handle in handles:
                assert (await result(client, handle))["structuredContent"]["directory"] == str(tmp_path)


async def test_calls_that_store_nothing_leave_nothing(url: str, tmp_path: Path) -> None:
    """Reading, with a header, roots or nothing, creates no session, whoever reads how often."""
    async with HttpClient(url) as client:
        before = await sessions(client)
        for headers in ((), (("X-Workflow-Directory", str(tmp_path)),)):
            for roots in (None, lambda: [tmp_path.as_uri()]):
                async with HttpClient(url, MODERN, headers, roots) as reader:
                    for _ in range(10):
                        await reader.call("get_working_directory")
                        await reader.call("health_check")
        assert await sessions(client) == before


async def test_a_legacy_session_ends_with_its_delete(tmp_path: Path) -> None:
    """A DELETE forgets the session at once, open GET stream or not; its handles stay."""
    async with served_here(tmp_path) as server, HttpClient(server.url) as watcher:
        clients = [HttpClient(server.url, "legacy") for _ in range(4)]
        for client in clients:
            await client.open()
            await client.call("set_working_directory", directory=str(tmp_path))
        handle = await minted(clients[0], tmp_path)
        assert await sessions(watcher) == 5
        async with stream(clients[0]):
            for left, client in zip((4, 3, 2, 1), clients, strict=True):
                async with client.connection:
                    assert (await client.end()).status == 200
                    assert await sessions(watcher) == left
        assert (await result(watcher, handle))["structuredContent"]["directory"] == str(tmp_path)


async def test_a_deleted_session_is_gone(url: str, tmp_path: Path) -> None:
    """After its DELETE an id gets 404 like one that never was."""
    client = HttpClient(url, "legacy")
    async with client.connection:
        await client.open()
        await client.call("set_working_directory", directory=str(tmp_path))
        kept = client.session_id
        await client.end()
        client.session_id = kept
        assert (await client.exchange("tools/list"))["status"] == 404
        assert (await client.end()).status == 404


async def test_a_legacy_client_that_hangs_up(url: str, tmp_path: Path) -> None:
    """A legacy session is not its TCP connection: a client that comes back with its id finds its directory."""
    first = HttpClient(url, "legacy")
    async with first.connection:
        await first.open()
        await first.call("set_working_directory", directory=str(tmp_path))
    again = HttpClient(url, "legacy", session_id=first.session_id)
    async with again.connection:
        assert (await again.call("get_working_directory")).data["directory"] == str(tmp_path)
        assert (await again.end()).status == 200


async def move_about(peer: MemoryPeer, directory: Path, count: int) -> None:
    """Set a directory `count` times, each time for a new session."""
    for _ in range(count):
        assert not (await peer.call("set_working_directory", directory=str(directory), new_session=True)).is_error


def resident() -> int:
    """The resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
async def test_a_hundred_thousand_sessions(tmp_path: Path) -> None:
    """100 000 calls of `set_working_directory` from one client leave 10 000 sessions and no more memory than 30 000."""
    async with in_memory(build_server(isolated_settings(tmp_path)), MODERN) as peer:
        await move_about(peer, tmp_path, 30_000)
        before = resident()
        await move_about(peer, tmp_path, 70_000)
        after = resident()
        print(f"resident after 30 000: {before / 2**20:.1f} MiB, after 100 000: {after / 2**20:.1f} MiB")  # noqa: T201 - the figure is wanted
        assert (await peer.call("health_check")).data["sessions"] == 10_000
        assert after < before * 1.1
