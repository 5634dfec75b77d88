"""Requests that no honest client sends: refused, and the server goes on serving the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.clients.http import Connection, Header, HttpClient
from tests.clients.protocol import MODERN, Era
from tests.support import BOUND

NAME = "X-Workflow-Directory"
MANY = 10 * 2**20


@asynccontextmanager
async def served_all_along(url: str, directory: Path) -> AsyncIterator[None]:
    """Another client that is served before, after, and in the same connection all along."""
    async with HttpClient(url, headers=((NAME, str(directory)),)) as bystander:
        for turn in range(2):
            if turn:
                yield
            assert (await bystander.call("get_working_directory")).data["directory"] == str(directory)


async def raw(url: str, data: bytes) -> bytes:
    """Everything a server says to bytes that are no request of ours; ends when it closes or has answered."""
    async with Connection(url) as connection, asyncio.timeout(BOUND):
        _, writer = await connection.open()
        try:
            writer.write(data)
            await writer.drain()
            status, headers = await connection.read_head()
            body = b"".join([chunk async for chunk in connection.chunks(headers)])
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            return b"" if isinstance(error, ConnectionError) else error.partial
        return f"{status}\n".encode() + body


def call(client: HttpClient, *headers: bytes) -> bytes:
    """A call of `get_working_directory` with lines added to its head, byte for byte."""
    message = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
    body = json.dumps(message).encode()
    head = client.connection.head("POST", [*client.request_headers(message), ("Content-Length", str(len(body)))])
    return head[:-2] + b"".join(line + b"\r\n" for line in headers) + b"\r\n" + body


@pytest.mark.parametrize(
    "line",
    [
        b"X-Workflow-Directory: /\x00etc",
        b"X-Workflow-Directory: /tmp\rX-Other: 1",
        b"X-Workflow-Directory : /usr",
        b"X-Workflow-Directory\x00: /usr",
        b": /usr",
        b"X-Workflow-Directory",
    ],
)
async def test_a_head_that_is_no_http(url: str, tmp_path: Path, line: bytes) -> None:
    """A header with a NUL, a bare CR, or a broken name never becomes a directory."""
    async with served_all_along(url, tmp_path):
        client = HttpClient(url)
        answer = await raw(url, call(client, line))
        assert answer[:3] in (b"400", b""), answer
        assert b"/usr" not in answer
        assert b"/etc" not in answer


@pytest.mark.parametrize("end", ["\r\n", "\n"])
async def test_a_line_end_in_a_header_begins_another_header(url: str, tmp_path: Path, end: str) -> None:
    """A CRLF or LF splits the header on the wire, as HTTP says: a second directory, which is refused."""
    answer = await raw(url, call(HttpClient(url), f"{NAME}: {tmp_path}{end}{NAME}: /usr".encode()))
    assert answer.startswith(b"200\n")
    assert b"HEADER_TWICE: " in answer


@pytest.mark.parametrize("escaped", ["%00", "%0d%0a", "%0A", "%1b[31m", "%e2%80%ae"])
async def test_control_characters_stay_on_one_line(url: str, era: Era, escaped: str) -> None:
    """What percent-encoding smuggles in is shown escaped: an answer is one line and holds no control character."""
    async with HttpClient(url, era, ((NAME, f"/no{escaped}where"),)) as client:
        answer = await client.call("get_working_directory")
        assert answer.code in ("DIRECTORY_HAS_NUL", "DIRECTORY_NOT_FOUND")
        assert answer.text.isprintable()


@pytest.mark.parametrize("header", [NAME, "Mcp-Session-Id", "Authorization", "X-Anything"])
async def test_a_huge_header(url: str, tmp_path: Path, header: str) -> None:
    """A header of 10 MB is refused without being kept, and the connection closed."""
    async with served_all_along(url, tmp_path):
        answer = await raw(url, call(HttpClient(url), f"{header}: /".encode() + b"a" * MANY))
        assert answer[:3] in (b"400", b"431", b"")


async def test_very_many_headers(url: str, tmp_path: Path) -> None:
    """A hundred thousand small headers are refused like one that is huge."""
    async with served_all_along(url, tmp_path):
        answer = await raw(url, call(HttpClient(url), *[b"X-%d: 1" % number for number in range(100_000)]))
        assert answer[:3] in (b"400", b"431", b"")


async def test_a_huge_body(url: str, era: Era, tmp_path: Path) -> None:
    """A body of 10 MB is refused with 413, announced or in chunks, and the server goes on."""
    async with served_all_along(url, tmp_path):
        client = HttpClient(url, era)
        message = client.message("tools/call", {"name": "get_working_directory", "arguments": {"session": "A" * MANY}})
        async with client.connection as connection:
            try:
                answer = await connection.request("POST", client.request_headers(message), json.dumps(message).encode())
            except ConnectionError:
                return  # it closed before we had sent it all
            assert answer.status == 413
        headers: list[Header] = [*client.request_headers(message), ("Transfer-Encoding", "chunked")]
        head, chunk = client.connection.head("POST", headers), b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        assert (await raw(url, head + chunk * 160 + b"0\r\n\r\n"))[:3] in (b"413", b"")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 100_000, b'{"jsonrpc": "2.0"}', b'"text"', b"1" * 5000,
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}',
        b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "tools/list", "params": {}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "health_check", "arguments": 7}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {}}',
    ],
    ids=range(13),
)  # fmt: skip
async def test_a_body_that_is_no_message(url: str, era: Era, tmp_path: Path, body: bytes) -> None:
    """A body that is no message gets an error about itself: never a result, nor a word about the server's inside."""
    async with served_all_along(url, tmp_path), HttpClient(url, era) as client:
        headers = [*client.request_headers(None), *([("Mcp-Method", "tools/call")] if era == MODERN else [])]
        answer = await client.connection.request("POST", headers, body)
        assert 200 <= answer.status < 500
        assert b'"result"' not in answer.body
        assert b"Traceback" not in answer.body
        assert b"site-packages" not in answer.body


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "get", "\x00"])
async def test_other_methods(url: str, tmp_path: Path, method: str) -> None:
    """A method that MCP does not use is refused."""
    async with served_all_along(url, tmp_path):
        head = HttpClient(url).connection.head(method, [("Connection", "close")])
        async with Connection(url) as connection, asyncio.timeout(BOUND):
            reader, writer = await connection.open()
            writer.write(head)
            answer = await reader.read()
        assert answer.split(b" ")[1][:1] == b"4", answer


async def test_an_era_that_contradicts_itself(url: str, tmp_path: Path) -> None:
    """A request whose header names one protocol and whose body another is refused."""
    async with served_all_along(url, tmp_path):
        client = HttpClient(url)
        message = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
        for version in ("2025-11-25", "2099-01-01", "", "x"):
            headers = [
                (name, version if name == "MCP-Protocol-Version" else value)
                for name, value in client.request_headers(message)
            ]
            async with Connection(url) as connection:
                answer = await connection.request("POST", headers, json.dumps(message).encode())
            assert answer.status == 400
            assert b'"result"' not in answer.body


async def test_headers_that_contradict_the_body(url: str, tmp_path: Path) -> None:
    """A 2026-07-28 request whose routing headers name another call than its body is refused (SEP-2243)."""
    client = HttpClient(url)
    message = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
    for name, value in (("Mcp-Method", "tools/list"), ("Mcp-Name", "end_session")):
        headers = [(n, value if n == name else v) for n, v in client.request_headers(message)]
        async with Connection(url) as connection:
            answer = await connection.request("POST", headers, json.dumps(message).encode())
        assert answer.status == 400
        assert b'"result"' not in answer.body


async def test_slow_clients_hold_up_nobody(url: str, era: Era, tmp_path: Path) -> None:
    """Clients that have sent half a head or half a body and wait keep nobody else waiting."""
    header = ((NAME, str(tmp_path)),)
    client = HttpClient(url, era)
    whole = call(client)
    connections = [Connection(url) for _ in range(40)]
    try:
        for number, connection in enumerate(connections):
            _, writer = await connection.open()
            writer.write(whole[: len(whole) - 20] if number % 2 else whole[:50])
            await writer.drain()
        async with HttpClient(url, era, header) as other:
            for _ in range(20):
                assert (await other.call("get_working_directory")).data["directory"] == str(tmp_path)
    finally:
        for connection in connections:
            await connection.close()
