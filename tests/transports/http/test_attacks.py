"""What a crowd of hostile clients can do to the others: each attack in a short form, and in full as a soak test."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.clients.http import Connection, HttpClient
from tests.clients.processes import SERVER
from tests.clients.served import Served
from tests.clients.stdio import environment
from tests.support import BOUND, config_text, posix_only, until, write_config
from tests.transports.http.test_many_clients import open_sockets

pytestmark = [posix_only, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")]

MIB = 2**20
HALF_HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LIMITED = (
    "import resource, runpy, sys;"
    "resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}));"
    "sys.argv = ['workflow-mcp', 'serve', '--http', '--port', '0'];"
    "runpy.run_module('workflow_mcp', run_name='__main__')"
)
SOAK = [pytest.mark.soak, pytest.mark.timeout(300)]


def soak(short: int, full: int) -> list[object]:
    """A short form that always runs, and the full one."""
    return [short, pytest.param(full, marks=SOAK)]


@contextmanager
def attacked(base: Path, *, descriptors: int = 1024) -> Iterator[Served]:
    """A server process that may open so many files, and a project at `base` for the others to work in."""
    write_config(base, config_text())
    home = base / "home"
    home.mkdir()
    command = [*SERVER[:2], "-c", LIMITED.format(descriptors)]
    with Served(home, environment(home), command=command) as served:
        yield served


def resident(served: Served) -> float:
    """The resident memory of a server, in MiB."""
    pages = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def bystander(served: Served, base: Path) -> HttpClient:
    """A client that works at `base` meanwhile."""
    return HttpClient(served.url, headers=(("X-Workflow-Directory", str(base)),))


async def write(client: HttpClient) -> None:
    """Create a work item, for which the server opens files."""
    answer = await client.call("create_work_items", items=[{"title": "a"}])
    assert not answer.is_error, answer.text


async def median_of_calls(client: HttpClient, count: int = 20) -> float:
    """The median of a call's time, in milliseconds."""
    durations = []
    for _ in range(count):
        before = time.perf_counter()
        assert not (await client.call("get_working_directory")).is_error
        durations.append(time.perf_counter() - before)
    return statistics.median(durations) * 1000


def call(client: HttpClient) -> bytes:
    """A whole call, byte for byte."""
    message = client.message("tools/call", {"name": "get_working_directory", "arguments": {}})
    body = json.dumps(message).encode()
    return client.connection.head("POST", [*client.request_headers(message), ("Content-Length", str(len(body)))]) + body


@pytest.mark.parametrize(("count", "descriptors"), [(400, 256), pytest.param(1_100, 1_024, marks=SOAK)])
@pytest.mark.parametrize("sent", [b"", HALF_HEAD], ids=["silent", "half"])
async def test_more_connections_than_descriptors(tmp_path: Path, count: int, descriptors: int, sent: bytes) -> None:
    """Silent connections beyond the limit of descriptors keep neither old nor new clients from working."""
    with attacked(tmp_path, descriptors=descriptors) as served:
        async with bystander(served, tmp_path) as old, AsyncExitStack() as stack:
            await write(old)
            for _ in range(count):
                connection = await stack.enter_async_context(Connection(served.url))
                _, writer = await connection.open()
                writer.write(sent)
            before = time.perf_counter()
            async with bystander(served, tmp_path) as new:
                await write(new)
            await write(old)
            print(f"{count} connections: a new client and an old one in {time.perf_counter() - before:.3f} s")  # noqa: T201 - the figure is the result of a soak run
        assert "Too many open files" not in served.log


@pytest.mark.parametrize("count", soak(20, 100))
async def test_half_sent_bodies(tmp_path: Path, count: int) -> None:
    """Bodies of 4 MB that never end take 64 MiB together, whatever their number, and delay nobody."""
    with attacked(tmp_path) as served:
        async with bystander(served, tmp_path) as other, AsyncExitStack() as stack:
            await write(other)
            before = resident(served)
            heads = []
            for _ in range(count):
                connection = await stack.enter_async_context(Connection(served.url))
                _, writer = await connection.open()
                writer.write(HALF_HEAD + b"Content-Length: 4000001\r\n\r\n" + b" " * 4_000_000)
                heads.append(asyncio.create_task(connection.read_head()))
            async with asyncio.timeout(BOUND):
                while sum(head.done() for head in heads) < count - 64 * MIB // 4_000_000:
                    await write(other)
            assert {head.result()[0] for head in heads if head.done()} == {503}
            print(f"{count} half bodies: {before:.0f} MiB before, {resident(served):.0f} MiB now")  # noqa: T201 - the figure is the result of a soak run
            assert resident(served) < before + 64 + 80
            for head in heads:
                head.cancel()


@pytest.mark.parametrize("count", soak(20, 100))
async def test_clients_that_never_read(tmp_path: Path, count: int) -> None:
    """Clients that send call after call and read nothing cost no memory, and soon no time either."""
    with attacked(tmp_path) as served, ExitStack() as stack:
        async with bystander(served, tmp_path) as other:
            quiet, before = await median_of_calls(other), resident(served)
            data = call(other) * 1_000
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for one in sockets:
                one.connect((other.connection.host, other.connection.port))
                one.setblocking(False)
            for _ in range(40):
                for one in sockets:
                    _send_some(one, data)
                await median_of_calls(other, 2)
            now, after = await median_of_calls(other), resident(served)
            print(f"{count} never read: p50 {quiet:.1f} -> {now:.1f} ms, {before:.0f} -> {after:.0f} MiB")  # noqa: T201 - the figure is the result of a soak run
            assert after < before + 60


def _send_some(one: socket.socket, data: bytes) -> None:
    try:
        one.send(data)
    except (BlockingIOError, ConnectionError):
        return


@pytest.mark.parametrize("count", soak(300, 16_000))
async def test_calls_of_clients_that_are_gone(tmp_path: Path, count: int) -> None:
    """Calls whose clients hung up at once do not keep the next one waiting for their own time."""
    with attacked(tmp_path) as served:
        async with bystander(served, tmp_path) as other:
            await write(other)
            memory = resident(served)
            await asyncio.to_thread(_call_and_hang_up, other, count)
            before = time.perf_counter()
            async with bystander(served, tmp_path) as new:
                await write(new)
            print(f"{count} calls of gone clients: the next took {time.perf_counter() - before:.3f} s")  # noqa: T201 - the figure is the result of a soak run
            await until(lambda: open_sockets(served) < 10)
            assert resident(served) < memory + 60


def _call_and_hang_up(client: HttpClient, count: int) -> None:
    data, address = call(client), (client.connection.host, client.connection.port)
    for _ in range(count):
        with socket.create_connection(address, timeout=BOUND) as one:
            one.sendall(data)


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_vanished_legacy_clients(tmp_path: Path) -> None:
    """Of 3 000 handshake-era clients that vanish after one call, the server keeps 1 000."""
    with attacked(tmp_path) as served:
        before, clients = resident(served), [HttpClient(served.url, "legacy") for _ in range(3_000)]
        for client in clients:
            await client.open()
            await client.call("health_check")
            await client.connection.close()
        print(f"3000 vanished: {before:.0f} MiB before, {resident(served):.0f} MiB now")  # noqa: T201 - the figure is the result of a soak run
        kept = 0
        for client in clients:
            async with client.connection:
                kept += "result" in await client.exchange("ping")
        assert kept <= 1_000
        assert resident(served) < before + 150
