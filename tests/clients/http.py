"""A client of our own over HTTP: bytes on a socket, without any SDK; speaks both eras."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.clients.protocol import (
    LEGACY,
    MODERN,
    Answer,
    Conversation,
    Era,
    Message,
    Roots,
    answer_of,
    needs_input,
    result_of,
)
from tests.support import BOUND

LIMIT = 2**20
Header = tuple[str, str | bytes]


@dataclass(frozen=True)
class Response:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection:
    """One TCP connection to a server, opened when first used, again after the server has closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The two ends of the connection."""
        if self._writer is None or self._reader is None or self._reader.at_eof():
            await self.close()
            self._reader, self._writer = await asyncio.open_connection(self.host, self.port, limit=LIMIT)
        return self._reader, self._writer

    async def close(self) -> None:
        """Close it at once."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return

    def head(self, method: str, headers: Iterable[Header], path: str | None = None) -> bytes:
        """A request's head; headers go out byte for byte, a `Host` among them replaces ours."""
        lines = [f"{method} {self.path if path is None else path} HTTP/1.1".encode()]
        given = list(headers)
        if not any(name.lower() == "host" for name, _ in given):
            given.insert(0, ("Host", f"{self.host}:{self.port}"))
        lines += [
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in given
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    async def start(
        self, method: str, headers: Iterable[Header] = (), body: bytes = b"", path: str | None = None
    ) -> tuple[int, dict[str, str]]:
        """Send a request; gives the status and the headers of the response."""
        _, writer = await self.open()
        sized = [*headers, ("Content-Length", str(len(body)))] if body or method == "POST" else headers
        writer.write(self.head(method, sized, path) + body)
        await writer.drain()
        return await self.read_head()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers of the next response."""
        reader, _ = await self.open()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        return int(head[0].split(" ")[1]), {name.lower(): value.strip() for name, value in pairs}

    async def chunks(self, headers: dict[str, str]) -> AsyncIterator[bytes]:
        """The body of the response, as it comes."""
        reader, _ = await self.open()
        if headers.get("transfer-encoding") != "chunked":
            yield await reader.readexactly(int(headers.get("content-length", "0")))
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        if headers.get("connection") == "close":
            await self.close()

    async def request(
        self, method: str, headers: Iterable[Header] = (), body: bytes = b"", path: str | None = None
    ) -> Response:
        """A request and the whole response to it."""
        async with asyncio.timeout(BOUND):
            status, given = await self.start(method, headers, body, path)
            return Response(status, given, b"".join([chunk async for chunk in self.chunks(given)]))


@dataclass
class HttpClient(Conversation):
    """One MCP client.

    Args:
        url: the endpoint.
        era: which protocol it speaks.
        headers: sent with every request.
        roots: answers `roots/list` (None: not at all); without it the client declares no roots.
        asked: how often the server asked for the roots.
        session_id: what the server named this connection; legacy only.
    """

    url: str
    era: Era = MODERN
    headers: tuple[Header, ...] = ()
    roots: Roots | None = None
    asked: int = 0
    session_id: str | None = None

    def __post_init__(self) -> None:
        self.connection = Connection(self.url)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if _error is None and self.session_id is not None:
                await self.end()
        finally:
            await self.connection.close()

    async def open(self) -> None:
        """Open the conversation as the era does."""
        if self.era == MODERN:
            await self.request("server/discover")
            return
        await self.request("initialize", self.initialize_params())
        await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def end(self) -> Response:
        """End a legacy session as its specification says, with a DELETE."""
        ended = await self.connection.request("DELETE", self.request_headers(None))
        self.session_id = None
        return ended

    def request_headers(self, message: Message | None) -> list[Header]:
        """What goes with a message, or with a request that carries none."""
        headers: list[Header] = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            *self.headers,
        ]
        if self.session_id is not None:
            headers.append(("Mcp-Session-Id", self.session_id))
        if self.era == MODERN:
            headers.append(("MCP-Protocol-Version", MODERN))
            if message is not None:
                params = message["params"]
                name = params.get("name", params.get("uri"))
                headers += [("Mcp-Method", message["method"]), *([] if name is None else [("Mcp-Name", name)])]
        elif self.session_id is not None:
            headers.append(("MCP-Protocol-Version", LEGACY))
        return headers

    async def post(self, message: Message) -> Response:
        """Post one message, on a connection of its own when an answer is still coming on ours."""
        body = json.dumps(message).encode()
        async with Connection(self.url) as connection:
            return await connection.request("POST", self.request_headers(None), body)

    async def exchange(self, method: str, params: Message | None = None) -> Message:
        """Send a request and give the response to it, whole; answers `roots/list` on the way.

        The response to a request that HTTP itself refused also has that `status`.
        """
        async with asyncio.timeout(BOUND):
            message = await self._exchange(method, params)
        if needs_input(message):
            return await self.exchange(method, self.with_input(params, message["result"]))
        return message

    async def _exchange(self, method: str, params: Message | None) -> Message:
        request = self.message(method, params)
        status, headers = await self.connection.start(
            "POST", self.request_headers(request), json.dumps(request).encode()
        )
        self.session_id = headers.get("mcp-session-id", self.session_id) if self.era != MODERN else None
        body, found = b"", None
        async for chunk in self.connection.chunks(headers):
            body += chunk
            *events, rest = body.split(b"\r\n\r\n")
            for event in events:
                body = rest
                message = message_in(event)
                if message.get("method") == "roots/list":
                    await self._answer_roots(message)
                elif message.get("id") == request["id"] and "method" not in message:
                    found = message
        if found is not None:
            return found
        whole = json.loads(body) if headers.get("content-type", "").startswith("application/json") else {}
        return dict(whole) if status == 200 else {"status": status, **whole}

    async def _answer_roots(self, request: Message) -> None:
        answer = self.roots_answer(request)
        if answer is not None:
            await self.post(answer)

    async def request(self, method: str, params: Message | None = None) -> Message:
        """The result of a request."""
        return result_of(await self.exchange(method, params))

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return answer_of(await self.request("tools/call", {"name": tool, "arguments": arguments}))


def message_in(event: bytes) -> Message:
    """The message in a server-sent event; empty for one that carries none."""
    data = b"\n".join(line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))
    return dict(json.loads(data)) if data else {}


@asynccontextmanager
async def stream(client: HttpClient) -> AsyncIterator[Connection]:
    """A legacy client's open GET stream."""
    async with Connection(client.url) as connection:
        status, headers = await connection.start("GET", client.request_headers(None))
        assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        yield connection
