"""Servers and their database end in the middle of work: what was acknowledged is there, and once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.clients.agents import make_project
from tests.clients.databases import Database
from tests.clients.http import Connection, HttpClient
from tests.clients.persistent import Persistent
from tests.clients.postgresql import own_server
from tests.clients.protocol import ERAS
from tests.clients.round_robin import RoundRobin, round_robin
from tests.clients.served import Served, served_here, serving
from tests.support import until
from workflow_mcp.storage.postgresql import faults


@asynccontextmanager
async def at_work(url: str, base: Path, count: int) -> AsyncIterator[list[Persistent]]:
    """Clients of both eras that create items, in two projects, while the body runs."""
    folders = [make_project(base, name) for name in ("one", "two")]
    clients = [Persistent(url, ERAS[number % 2], folders[number // 2 % 2], f"c{number}") for number in range(count)]
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.work(ended.is_set))
        try:
            yield clients
        finally:
            ended.set()


async def acknowledged(clients: Sequence[Persistent], more: int) -> None:
    """Wait until each client was told of so many more items."""
    before = [len(client.acknowledged) for client in clients]
    await until(lambda: all(len(one.acknowledged) >= was + more for one, was in zip(clients, before, strict=True)))


def stored(database: Database) -> Counter[str]:
    """The titles of all items that are stored."""
    return Counter(title for (title,) in database.run("SELECT title FROM items"))


def assert_all_there(clients: Sequence[Persistent], database: Database) -> None:
    """Each item is stored once that somebody was told of, and no other, for every client asked until it was told."""
    assert stored(database) == Counter(title for client in clients for title in client.acknowledged)


class Processes:
    """Three server processes behind a load balancer, any of which can be killed and started anew."""

    def __init__(self, base: Path, database: Database, stack: ExitStack) -> None:
        self._base, self._database, self._stack = base, database, stack
        self.servers = [self._start(number) for number in range(3)]

    def _start(self, number: int) -> Served:
        home = self._base / f"replica-{number}"
        return self._stack.enter_context(serving(home, WORKFLOW_MCP_DATABASE_URL=self._database.url))

    async def replace(self, number: int, balancer: RoundRobin) -> None:
        """Kill a server as the kernel does when memory runs out, and start it anew."""
        self.servers[number].kill()
        self.servers[number] = await asyncio.to_thread(self._start, number)
        balancer.replace(number, self.servers[number].url)


async def kill_under_load(database: Database, base: Path, *, clients: int, kills: int, chance: random.Random) -> None:
    """Kill servers, one after the other, at moments under load; calls are repeated, and nothing is lost."""
    with ExitStack() as stack:
        processes = Processes(base, database, stack)
        async with (
            round_robin([server.url for server in processes.servers]) as balancer,
            at_work(balancer.url, base, clients) as working,
        ):
            await acknowledged(working, 1)
            for kill in range(kills):
                await acknowledged([chance.choice(working)], chance.randrange(1, 4))
                await processes.replace(kill % 3, balancer)
            await acknowledged(working, 2)
        # One call of each client at most is under way at a server that is killed.
        assert sum(client.repeated.total() for client in working) <= clients * kills
        assert_all_there(working, database)
        for server in processes.servers:
            server.end()


async def test_servers_are_killed(database: Database, tmp_path: Path) -> None:
    """Two of three servers are killed at moments under load and started anew."""
    await kill_under_load(database, tmp_path, clients=6, kills=2, chance=random.Random(1))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_servers_are_killed_fifty_times(database: Database, tmp_path: Path) -> None:
    """Fifty times."""
    await kill_under_load(database, tmp_path, clients=16, kills=50, chance=random.Random(2))


async def test_the_database_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away each call of either era says `STORE_UNREACHABLE`; then all goes on, with the same sessions."""
    monkeypatch.setattr(faults, "RECONNECT_TIMEOUT", 0.1)
    with own_server(durable=True) as postgresql:
        database = postgresql.new_database()
        async with AsyncExitStack() as stack:
            urls = [
                (await stack.enter_async_context(served_here(tmp_path / f"{number}", database_url=database.url))).url
                for number in range(3)
            ]
            balancer = await stack.enter_async_context(round_robin(urls))
            async with at_work(balancer.url, tmp_path, 4) as working:
                await acknowledged(working, 2)
                await asyncio.to_thread(postgresql.stop, crash=True)
                await until(lambda: all(client.repeated["STORE_UNREACHABLE"] for client in working))
                await asyncio.gather(*map(says_what_is_wrong, urls))
                await asyncio.to_thread(postgresql.start)
                await acknowledged(working, 2)
        assert {reason for client in working for reason in client.repeated} == {"STORE_UNREACHABLE"}
        assert_all_there(working, database)


async def says_what_is_wrong(url: str) -> None:
    """A server without its database lives, is not ready, and says so to whoever would begin."""
    async with Connection(url) as connection:
        assert (await connection.request("GET", path="/health")).status == 200
        assert (await connection.request("GET", path="/ready")).json["code"] == "STORE_UNREACHABLE"
    client = HttpClient(url, "legacy")
    async with client.connection:
        refused = await client.exchange("initialize", client.initialize_params())
        assert (refused["status"], refused["id"]) == (503, 1)
        assert refused["error"]["message"].startswith("STORE_UNREACHABLE: ")
