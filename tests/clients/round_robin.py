"""A load balancer: each request goes to the next server, in strict turn, on a connection of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

LIMIT = 2**20


class RoundRobin:
    """Passes HTTP requests on to servers; one that does not accept the connection is left out for that request.

    Args:
        urls: the servers, which all have one path.

    Attributes:
        url: where clients reach it.
        passed: how many requests each server got.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._servers = [urlsplit(url) for url in urls]
        self._turns = itertools.cycle(range(len(urls)))
        self.passed = [0] * len(urls)
        self.url = ""
        # An event loop holds no task that waits for a stream which nobody reads any more.
        self._passing: set[asyncio.Task[None]] = set()

    def listening(self, port: int) -> None:
        """Note on which port it listens."""
        self.url = f"http://127.0.0.1:{port}{self._servers[0].path}"

    def replace(self, index: int, url: str) -> None:
        """Put another server in the place of one."""
        self._servers[index] = urlsplit(url)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one request, after which it is closed."""
        passing = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)
        await asyncio.wait([passing])

    async def close(self) -> None:
        """Leave the requests that are not answered."""
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                request = await _request(reader)
                theirs, to_server = await self._next()
                leaving = asyncio.create_task(_until_closed(reader, to_server))
                try:
                    to_server.write(request)
                    await _copy(theirs, writer)
                finally:
                    leaving.cancel()
                    await _closed(to_server)
        finally:
            await _closed(writer)

    async def _next(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in self._servers:
            turn = next(self._turns)
            server = self._servers[turn]
            with suppress(ConnectionError):
                opened = await asyncio.open_connection(server.hostname, server.port, limit=LIMIT)
                self.passed[turn] += 1
                return opened
        raise ConnectionError("no server accepts the connection")


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    sizes = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
    body = await reader.readexactly(sum(sizes))
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(LIMIT):
        writer.write(data)
        await writer.drain()


async def _until_closed(reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
    """Close the server's side when the client closes its own."""
    await reader.read()
    to_server.close()


@asynccontextmanager
async def round_robin(urls: Sequence[str]) -> AsyncIterator[RoundRobin]:
    """A load balancer in front of these servers."""
    balancer = RoundRobin(urls)
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0, limit=LIMIT, backlog=1024)
    balancer.listening(server.sockets[0].getsockname()[1])
    try:
        yield balancer
    finally:
        server.close()
        await balancer.close()
        await server.wait_closed()
