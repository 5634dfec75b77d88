"""Three servers on one database in strict turn: each answers as if it were the only one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.databases import Database
from tests.clients.http import HttpClient
from tests.clients.protocol import ERAS, Era
from tests.clients.round_robin import round_robin
from tests.clients.served import serving
from tests.transports.http.test_many_clients import WAYS, crowd
from tests.transports.replicas.conftest import Replicas

KINDS: list[tuple[Era, str]] = [(era, way) for era in ERAS for way in WAYS if (era, way) != ("legacy", "roots")]


def kind(number: int) -> tuple[Era, str]:
    """The era of a client, and how it says where it works; these servers cannot ask handshake-era clients for roots."""
    return KINDS[number % len(KINDS)]


async def test_a_crowd(replicas: Replicas, tmp_path: Path) -> None:
    """12 clients of both eras, in the ways that work there, in 4 projects: every answer is right."""
    async with replicas() as balancer:
        counted = await crowd(balancer.url, tmp_path, clients=12, calls=5, count=4, kinds=kind)
        assert counted == {"right": 60}
        assert max(balancer.passed) - min(balancer.passed) <= 1


async def test_a_session(era: Era, replicas: Replicas, tmp_path: Path) -> None:
    """What a client sets holds at its next call, whichever server that comes to."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with replicas() as balancer, HttpClient(balancer.url, era) as client:
        done = await client.call("set_working_directory", directory=str(tmp_path / "a"))
        handle = {"session": done.data["session"]} if done.data["session"] else {}
        for name in ("b", "a", "b", "a"):
            await client.call("set_working_directory", directory=str(tmp_path / name), **handle)
            for _ in range(4):
                assert (await client.call("get_working_directory", **handle)).data["directory"] == str(tmp_path / name)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_clients(database: Database, tmp_path: Path) -> None:
    """200 clients at once, 50 calls each, in 50 projects, on three server processes: no wrong answer, no error."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(tmp_path / f"replica-{number}", WORKFLOW_MCP_DATABASE_URL=database.url))
            for number in range(3)
        ]
        async with round_robin([server.url for server in servers]) as balancer:
            counted = await crowd(balancer.url, tmp_path, clients=200, calls=50, count=50, kinds=kind)
        assert counted == {"right": 200 * 50}
        for server in servers:
            server.end()
