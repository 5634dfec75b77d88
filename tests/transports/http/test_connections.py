"""Connections are bounded in number and in the time they may keep the server waiting."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from starlette.responses import StreamingResponse

from tests.clients import http
from tests.clients.http import HttpClient, stream
from tests.clients.protocol import Era
from tests.clients.served import running, served_here
from tests.support import BOUND, FakeClock, posix_only, until
from workflow_mcp.transports.http.connections import HEAD_TIMEOUT, READ_TIMEOUT, Connection, Connections
from workflow_mcp.transports.http.server import DrainingServer

DAY = 86_400.0
HALF = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{"
ASKED = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Watched:
    """A server's connections, with a clock that the test moves."""

    def __init__(self, connections: Connections) -> None:
        self.table = connections
        self.clock = FakeClock()
        connections._clock = self.clock

    @property
    def open(self) -> list[Connection]:
        """Those that are open."""
        return list(self.table._open)

    def wait(self, seconds: float) -> None:
        """Let time pass between two sweeps."""
        self.table.sweep()
        self.clock.advance(seconds)
        self.table.sweep()


@asynccontextmanager
async def serving_here(home: Path, **settings: Any) -> AsyncIterator[tuple[DrainingServer, Watched]]:
    """A server in this event loop, and its connections."""
    async with served_here(home, **settings) as server:
        yield server, Watched(server._connections)


@asynccontextmanager
async def connected(url: str, data: bytes = b"") -> AsyncIterator[http.Connection]:
    """A connection on which this has been sent."""
    async with http.Connection(url) as connection:
        _, writer = await connection.open()
        writer.write(data)
        await writer.drain()
        yield connection


async def is_closed(connection: http.Connection) -> bool:
    """Whether the server has closed a connection without a word."""
    reader = connection._reader  # `open` would connect again
    assert reader is not None
    async with asyncio.timeout(BOUND):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


def call(client: HttpClient) -> bytes:
    """A whole call of `health_check`, byte for byte."""
    message = client.message("tools/call", {"name": "health_check", "arguments": {}})
    body = json.dumps(message).encode()
    return client.connection.head("POST", [*client.request_headers(message), ("Content-Length", str(len(body)))]) + body


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HTTP/1.1\r\nHost: 127", b"\r\n"], ids=["nothing", "half", "blank"])
async def test_a_head_that_does_not_come(tmp_path: Path, sent: bytes) -> None:
    """A connection without a whole head for 10 s is closed, and not before."""
    async with serving_here(tmp_path) as (server, watched), connected(server.url, sent) as connection:
        await until(lambda: len(watched.open) == 1)
        watched.wait(HEAD_TIMEOUT - 0.1)
        assert len(watched.open) == 1
        watched.wait(HEAD_TIMEOUT)
        assert await is_closed(connection)
        assert len(watched.table) == 0


async def test_half_a_head_after_an_answer(tmp_path: Path) -> None:
    """A connection that was answered before is closed just so when its next head does not come."""
    async with serving_here(tmp_path) as (server, watched), HttpClient(server.url) as client:
        _, writer = await client.connection.open()
        writer.write(b"POST /mcp")
        await until(lambda: bool(watched.open[0].conn.trailing_data[0]))
        watched.wait(HEAD_TIMEOUT)
        assert await is_closed(client.connection)


async def test_what_is_being_answered_is_left_alone(tmp_path: Path) -> None:
    """An open stream, and a call that waits for its own client's answer, last as long as they like."""
    async with serving_here(tmp_path, roots_timeout=300) as (server, watched):
        client = HttpClient(server.url, "legacy", roots=tuple)
        async with client.connection as connection:
            await client.open()
            async with stream(client):
                message = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
                body = json.dumps(message).encode()
                _, headers = await connection.start("POST", client.request_headers(message), body)
                async for chunk in connection.chunks(headers):
                    if b"roots/list" in chunk:
                        break
                await until(lambda: {one.phase for one in watched.open} == {"answer"})
                watched.wait(DAY)
                assert len(watched.open) == 2


async def test_a_client_that_reads_nothing() -> None:
    """A client that takes nothing of its answer for 30 s is given up; one that takes a little is not."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 65_536
            await asyncio.sleep(0)

    connections = Connections(maximum=10)
    watched = Watched(connections)
    config = uvicorn.Config(
        StreamingResponse(endless()),
        http=cast("Any", partial(Connection, connections=connections)),
        lifespan="off", ws="none", port=0, log_level="critical",
    )  # fmt: skip
    server = uvicorn.Server(config)
    async with running(server, server.serve()):
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        async with connected(url, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") as connection:
            reader, _ = await connection.open()
            await until(lambda: bool(watched.open) and watched.open[0].flow.write_paused)
            for _ in range(3):
                watched.wait(READ_TIMEOUT - 0.1)
                before = watched.open[0].unread
                while watched.open[0].unread == before:
                    await reader.read(2**20)
                await until(lambda: watched.open[0].flow.write_paused)
            watched.wait(READ_TIMEOUT)
            assert len(watched.table) == 0


async def test_pipelined_requests(tmp_path: Path, era: Era) -> None:
    """A client that sends its next request before it has its answer gets the one, and then the connection ends."""
    async with served_here(tmp_path) as server:
        client = HttpClient(server.url)
        async with connected(server.url, call(client) * 20) as connection:
            status, headers = await connection.read_head()
            assert status == 200
            assert b"uptime" in b"".join([chunk async for chunk in connection.chunks(headers)])
            assert await is_closed(connection)


async def test_what_comes_before_an_answer_is_not_kept(tmp_path: Path) -> None:
    """However much a client sends while its call is in progress, the server keeps none of it."""
    async with serving_here(tmp_path) as (server, watched):
        client = HttpClient(server.url, "legacy")
        await client.open()
        async with client.connection, stream(client) as connection:
            _, writer = await connection.open()
            for _ in range(64):
                writer.write(b"a" * 2**16)
                await writer.drain()
            kept = max(len(one.conn.trailing_data[0]) for one in watched.open)
            assert kept <= 2**18, "what one read from a socket can bring"


async def test_the_most_idle_connection_makes_room(tmp_path: Path) -> None:
    """Beyond the maximum those go that never asked anything, then the idle, then half requests: the oldest first."""
    async with serving_here(tmp_path, max_connections=6) as (server, watched), AsyncExitStack() as stack:
        url = server.url

        async def one_more(data: bytes = b"", phase: str = "new") -> http.Connection:
            known = watched.open
            connection = await stack.enter_async_context(connected(url, data))
            await until(lambda: watched.open[-1:] != known[-1:] and watched.open[-1].phase == phase)
            if data == ASKED:
                _, headers = await connection.read_head()
                assert [chunk async for chunk in connection.chunks(headers)]
            return connection

        half = [await one_more(HALF, "body") for _ in range(2)]
        idle = [await one_more(ASKED, "idle") for _ in range(2)]
        silent = [await one_more() for _ in range(2)]
        for victim in (*silent, *idle):
            await one_more(HALF, "body")
            assert await is_closed(victim)
            assert len(watched.table) == 6
        await one_more(HALF, "body")
        assert await is_closed(half[0])


async def test_connections_in_use_are_never_closed(tmp_path: Path) -> None:
    """Where all are in use the newest is refused, and the next one that ends makes room again."""
    async with serving_here(tmp_path, max_connections=3) as (server, watched), AsyncExitStack() as stack:
        clients = [HttpClient(server.url, "legacy") for _ in range(3)]
        for client in clients:
            await client.open()
            await client.connection.close()
            await until(lambda: all(one.phase == "answer" for one in watched.open))
            await stack.enter_async_context(stream(client))
        assert [one.phase for one in watched.open] == ["answer"] * 3
        async with connected(server.url, ASKED) as refused:
            assert await is_closed(refused)
        assert len(watched.table) == 3
        await stack.aclose()
        await until(lambda: len(watched.table) < 3)
        async with HttpClient(server.url) as client:
            assert not (await client.call("health_check")).is_error


@contextmanager
def process_limited_to(soft: int, hard: int, code: str) -> Iterator[str]:
    """What a process prints that may open so many files."""
    head = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
    yield subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, timeout=BOUND, check=True
    ).stdout


@posix_only
@pytest.mark.parametrize(
    ("soft", "hard", "room", "raised"),
    [(1024, 4096, 1000, 1384), (4096, 4096, 1000, 4096), (1024, 1024, 640, 1024), (256, 256, 128, 256)],
)
def test_room_below_the_limit_of_descriptors(soft: int, hard: int, room: int, raised: int) -> None:
    """The limit is raised as far as it may be and is needed; what is there is shared with files."""
    code = (
        "from workflow_mcp.transports.http.descriptors import reserve_descriptors\n"
        "print(reserve_descriptors(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    with process_limited_to(soft, hard, code) as printed:
        assert printed.split() == [str(room), str(raised)]
