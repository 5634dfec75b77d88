"""Claims that wait over HTTP: many cost nothing, and end with their clients and with the server."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

from tests.clients.agents import make_project
from tests.clients.http import Connection, HttpClient
from tests.clients.protocol import Era
from tests.clients.served import served_here
from tests.support import BOUND, until
from workflow_mcp.storage.store import Store
from workflow_mcp.transports.http.server import DrainingServer
from workflow_mcp.workspace.projects import Projects

MANY = 50


def store_of(server: DrainingServer) -> Store:
    """The store behind a server that runs here."""
    (end_waits,) = server._drain._stopping._then
    projects = end_waits.__self__  # type: ignore[attr-defined]
    assert isinstance(projects, Projects)
    assert projects._store is not None
    return projects._store


async def client(stack: AsyncExitStack, url: str, era: Era, folder: Path) -> HttpClient:
    """A client at work in a folder."""
    return await stack.enter_async_context(HttpClient(url, era, (("X-Workflow-Directory", str(folder)),)))


async def began(waiter: HttpClient, connection: Connection, **arguments: object) -> int:
    """Send a claim that waits, on a connection of its own; the id of the request."""
    given = {"wait_seconds": 50, **arguments}
    request = waiter.message("tools/call", {"name": "claim_work_item", "arguments": given})
    _, writer = await connection.open()
    body = json.dumps(request).encode()
    headers = [*waiter.request_headers(request), ("Content-Length", str(len(body)))]
    writer.write(connection.head("POST", headers) + body)
    await writer.drain()
    return int(request["id"])


async def answer(connection: Connection) -> dict[str, object]:
    """The result, or the error, that a claim gets."""
    async with asyncio.timeout(BOUND):
        _, headers = await connection.read_head()
        body = b"".join([chunk async for chunk in connection.chunks(headers)])
    text = body if body.startswith(b"{") else body.partition(b"data:")[2]
    return dict(json.loads(text))


async def test_many_wait_and_leave(tmp_path: Path, era: Era) -> None:
    """Fifty wait while another works; one gets what becomes ready, and nothing is left of those whose clients leave."""
    folder = make_project(tmp_path, "shop")
    async with served_here(tmp_path / "home") as server, AsyncExitStack() as stack:
        other = await client(stack, server.url, era, folder)
        await other.call("create_work_items", items=[{"title": "first"}])
        await other.call("claim_work_item", actor="first")
        store, before = store_of(server), asyncio.all_tasks()
        waiters = [await client(stack, server.url, era, folder) for _ in range(MANY)]
        connections = [await stack.enter_async_context(Connection(server.url)) for _ in range(MANY)]
        for number, (waiter, connection) in enumerate(zip(waiters, connections, strict=True)):
            await began(waiter, connection, actor=f"w{number}")
            await until(lambda waiting=number + 1: len(store._queues) == waiting)  # type: ignore[misc]
        made = await other.call("create_work_items", items=[{"title": "second"}])
        assert "created 1" in made.text
        assert "Yours as w0: #2 task p2" in json.dumps(await answer(connections[0]))
        assert len(store._queues) == MANY - 1
        for connection in connections:
            await connection.close()
        await until(lambda: not len(store._queues))
        for waiter in waiters:
            await waiter.__aexit__(None, None, None)
        await until(lambda: asyncio.all_tasks() - before <= {asyncio.current_task()})
        await other.call("create_work_items", items=[{"title": "third"}])
        assert '"third" @w' not in (await other.call("list_work_items", view="all")).text


async def test_the_server_s_end_ends_waits(tmp_path: Path, era: Era) -> None:
    """At once, with an answer that says so: a wait is no work that is to be finished first."""
    folder = make_project(tmp_path, "shop")
    async with AsyncExitStack() as stack:
        async with served_here(tmp_path / "home") as server:
            waiter = await client(stack, server.url, era, folder)
            await waiter.call("create_work_items", items=[{"title": "first"}])
            await waiter.call("claim_work_item", actor="first")
            store, connection = store_of(server), await stack.enter_async_context(Connection(server.url))
            await began(waiter, connection, actor="w")
            await until(lambda: len(store._queues) == 1)
            server._drain.begin()
            text = json.dumps(await answer(connection))
            waiter.session_id = None
        assert "STORE_CLOSED: the server is stopping. Next: call again when it has started anew." in text


async def test_a_wait_is_cancelled(tmp_path: Path) -> None:
    """In the handshake era by a notification; on 2026-07-28 a client closes the connection."""
    folder = make_project(tmp_path, "shop")
    async with served_here(tmp_path / "home") as server, AsyncExitStack() as stack:
        waiter = await client(stack, server.url, "legacy", folder)
        await waiter.call("create_work_items", items=[{"title": "first"}])
        await waiter.call("claim_work_item", actor="first")
        store, connection = store_of(server), await stack.enter_async_context(Connection(server.url))
        request = await began(waiter, connection, actor="w")
        await until(lambda: len(store._queues) == 1)
        cancelled = {"method": "notifications/cancelled", "params": {"requestId": request}}
        await waiter.post({"jsonrpc": "2.0", **cancelled})
        assert "cancelled" in json.dumps(await answer(connection))
        await until(lambda: not len(store._queues))
