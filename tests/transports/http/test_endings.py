"""How a server ends: calls in flight finish, new ones are refused, nobody is kept waiting."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.clients.http import Connection, Header, HttpClient, Response, stream
from tests.clients.processes import SERVER
from tests.clients.protocol import MODERN, Era
from tests.clients.served import Served, served_here, serving
from tests.clients.stdio import environment
from tests.support import BOUND, posix_only
from workflow_mcp.workspace.directories import check_directory

pytestmark = posix_only


def header(directory: Path) -> tuple[Header, ...]:
    """The header that names a directory."""
    return (("X-Workflow-Directory", str(directory)),)


class HeldRoots:
    """A client's roots, answered when told to: the server's call waits as long."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.asked = threading.Event()
        self.answer = threading.Event()

    def __call__(self) -> Sequence[str]:
        self.asked.set()
        assert self.answer.wait(BOUND)
        return [self._root.as_uri()]


def in_a_thread(url: str, roots: HeldRoots, answers: list[object]) -> threading.Thread:
    """A legacy client whose call waits for its own answer, in a thread and event loop of its own."""

    async def call() -> None:
        client = HttpClient(url, "legacy", roots=roots)
        async with client.connection:
            await client.open()
            answers.append((await client.call("get_working_directory")).data["directory"])

    thread = threading.Thread(target=lambda: asyncio.run(call()))
    thread.start()
    return thread


async def refusal(url: str, method: str = "POST", path: str | None = None) -> Response:
    """What a new request on a new connection gets."""
    async with Connection(url) as connection:
        return await connection.request(method, HttpClient(url).request_headers(None), b"{}", path)


async def ended(served: Served) -> int:
    """The exit code, once the process has ended."""
    return await asyncio.to_thread(served.ended)


async def test_a_call_in_flight_finishes(tmp_path: Path) -> None:
    """A call that has begun when a signal comes gets its answer, though the client has yet to say what it needs.

    Meanwhile load balancers see 503, and so does a new call; then the server ends with 0.
    """
    roots, answers = HeldRoots(tmp_path), list[object]()
    with serving(tmp_path / "home") as served:
        caller = in_a_thread(served.url, roots, answers)
        await asyncio.to_thread(roots.asked.wait, BOUND)
        served.tell_to_end()
        async with asyncio.timeout(BOUND):
            while (answer := await refusal(served.url, "GET", "/health")).status == 200:
                continue
        assert (answer.status, answer.json) == (503, {"status": "draining"})
        assert (await refusal(served.url)).status == 503
        assert not answers
        roots.answer.set()
        await asyncio.to_thread(caller.join, BOUND)
        assert await ended(served) == 0
        assert answers == [str(tmp_path)]


async def test_a_call_that_hangs_in_a_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 2026-07-28 call that a slow file system holds up is waited for too, and a new one on the same server is not."""
    begun, go_on = threading.Event(), threading.Event()

    def held(given: str, *arguments: Any, **options: Any) -> object:
        begun.set()
        assert go_on.wait(BOUND)
        return check_directory(given, *arguments, **options)

    monkeypatch.setattr("workflow_mcp.workspace.locator.check_directory", held)
    async with served_here(tmp_path) as server, HttpClient(server.url, headers=header(tmp_path)) as slow:
        call = asyncio.create_task(slow.call("get_working_directory"))
        await asyncio.to_thread(begun.wait, BOUND)
        server.should_exit = True
        async with asyncio.timeout(BOUND):
            while (answer := await refusal(server.url)).status != 503:
                continue
        assert (answer.json, answer.headers["connection"]) == ({"error": "the server is shutting down"}, "close")
        go_on.set()
        assert (await call).data["directory"] == str(tmp_path)


async def test_open_streams_do_not_delay_the_end(tmp_path: Path) -> None:
    """A legacy client's GET stream, which stays open for ever, ends with the server, in good order."""
    with serving(tmp_path / "home", WORKFLOW_MCP_LOG_LEVEL="INFO") as served:
        async with AsyncExitStack() as stack:
            streams = []
            for _ in range(3):
                client = HttpClient(served.url, "legacy")
                await client.open()
                stack.push_async_callback(client.connection.close)
                streams.append(await stack.enter_async_context(stream(client)))
            served.tell_to_end()
            assert await ended(served) == 0
            for open_stream in streams:
                reader, _ = await open_stream.open()
                assert (await reader.read()).endswith(b"0\r\n\r\n"), "a stream that ends is complete"
        assert "timeout graceful shutdown exceeded" not in served.log
        assert "Traceback" not in served.log
        assert "sessions are closed" in served.log


async def test_idle_connections_do_not_delay_the_end(tmp_path: Path) -> None:
    """Connections that are kept alive, and one that has sent half a request, do not keep the server."""
    with serving(tmp_path / "home", WORKFLOW_MCP_LOG_LEVEL="INFO") as served:
        async with HttpClient(served.url, MODERN) as client:
            await client.call("health_check")
            async with Connection(served.url) as half:
                _, writer = await half.open()
                writer.write(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                await writer.drain()
                await client.call("health_check")
                served.tell_to_end()
                assert await ended(served) == 0
        assert "timeout graceful shutdown exceeded" not in served.log


async def test_a_call_that_never_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that does not end keeps the server no longer than the time a drain may take."""
    monkeypatch.setattr("workflow_mcp.transports.http.server.DRAIN_TIMEOUT", 0.1)
    async with served_here(tmp_path, roots_timeout=300) as server:
        client = HttpClient(server.url, "legacy", roots=tuple)
        async with client.connection as connection:
            await client.open()
            request = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
            _, headers = await connection.start("POST", client.request_headers(request), json.dumps(request).encode())
            async for chunk in connection.chunks(headers):
                if b"roots/list" in chunk:
                    break
            server.should_exit = True
            reader, _ = await connection.open()
            async with asyncio.timeout(BOUND):
                assert b'"result"' not in await reader.read(), "the connection closes without an answer"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
async def test_a_signal_right_after_the_start(tmp_path: Path, number: signal.Signals) -> None:
    """A signal that comes as soon as the server has said where it is ends it like any other."""
    with serving(tmp_path / "home") as served:
        served.process.send_signal(number)
        assert await ended(served) == 0


async def test_two_signals(tmp_path: Path) -> None:
    """Signals that follow each other, as an impatient person sends them, still end it with 0."""
    with serving(tmp_path / "home") as served:
        async with HttpClient(served.url) as client:
            await client.call("health_check")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            served.process.send_signal(number)
        assert await ended(served) == 0


async def test_nohup(tmp_path: Path) -> None:
    """A server that was started to outlive its terminal does: an ignored SIGHUP stays ignored."""
    before, command = signal.signal(signal.SIGHUP, signal.SIG_IGN), [*SERVER, "serve", "--http", "--port", "0"]
    try:
        # A fork of a process that was started before would not ignore it.
        with Served(tmp_path, environment(tmp_path), command=command, anew=True) as served:
            async with HttpClient(served.url) as client:
                served.process.send_signal(signal.SIGHUP)
                # More than can be answered before a server that was told to end looks whether it was.
                for _ in range(100):
                    assert not (await client.call("health_check")).is_error
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_an_abrupt_client(era: Era, url: str, tmp_path: Path) -> None:
    """A client that goes away in the middle of a call costs the others nothing."""
    for _ in range(20):
        client = HttpClient(url, era, header(tmp_path))
        await client.open()
        request = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
        _, writer = await client.connection.open()
        head = client.connection.head("POST", [*client.request_headers(request), ("Content-Length", "500")])
        writer.write(head + b'{"jsonrpc"')
        writer.transport.abort()
        async with client.connection:
            continue
    async with HttpClient(url, era, header(tmp_path)) as client:
        assert (await client.call("get_working_directory")).data["directory"] == str(tmp_path)
