"""Handshake-era clients of several servers: their ids are good at each of them, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import make_project
from tests.clients.databases import Database
from tests.clients.http import Connection, HttpClient, Response
from tests.clients.round_robin import RoundRobin
from tests.clients.served import served_here
from tests.support import FakeClock
from tests.transports.http.test_handles import logged_in, tokens_file
from tests.transports.http.test_waiting_over_http import answer, began
from tests.transports.replicas.conftest import Replicas
from workflow_mcp.sessions.handshakes import LIFETIME, TOUCH_EVERY, Handshakes
from workflow_mcp.sessions.stores.database import DatabaseStore
from workflow_mcp.storage.postgresql.entries import Entries

__all__ = ["tokens_file"]

CALL = {"name": "get_working_directory", "arguments": {}}


async def asked(balancer: RoundRobin, session_id: str, **client: Any) -> tuple[int, bytes]:
    """How a call with this id is refused, at each of the servers the same."""
    async with HttpClient(balancer.url, "legacy", session_id=session_id, **client).connection as connection:
        late = HttpClient(balancer.url, "legacy", session_id=session_id, **client)
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
        answers: set[tuple[int, bytes]] = set()
        for _ in range(3):
            answer: Response = await connection.request("POST", late.request_headers(None), body)
            answers.add((answer.status, answer.body))
    (one,) = answers
    return one


async def test_an_id_is_good_at_each_server(replicas: Replicas, tmp_path: Path) -> None:
    """It has 160 bits; what is set on it holds at each server, and after all of them have been started anew."""
    async with replicas() as balancer:
        client = HttpClient(balancer.url, "legacy")
        async with client.connection:
            await client.open()
            await client.call("set_working_directory", directory=str(tmp_path))
        assert client.session_id is not None
        assert len(client.session_id) == 27
    async with replicas() as balancer:
        late = HttpClient(balancer.url, "legacy", session_id=client.session_id)
        async with late.connection:
            for _ in range(3):
                assert (await late.call("get_working_directory")).data["directory"] == str(tmp_path)


async def test_an_ended_id_is_gone_everywhere(replicas: Replicas, database: Database, tmp_path: Path) -> None:
    """After DELETE at one server the others answer 404, a second DELETE too, and nothing of it is left."""
    async with replicas() as balancer:
        client = HttpClient(balancer.url, "legacy")
        async with client.connection:
            await client.open()
            await client.call("set_working_directory", directory=str(tmp_path))
            session_id = client.session_id or ""
            headers = client.request_headers(None)
            assert (await client.connection.request("DELETE", headers)).status == 200
            assert database.run("SELECT * FROM server_entries") == []
            assert (await client.connection.request("DELETE", headers)).status == 404
        assert (await asked(balancer, session_id))[0] == 404


async def test_unknown_and_foreign_ids_look_the_same(replicas: Replicas, database: Database, tokens_file: Path) -> None:
    """An id that never was, and another principal's, get one answer to the byte; the database holds no id."""
    async with replicas(tokens_file=tokens_file) as balancer, logged_in(balancer.url, "ann", "legacy") as ann:
        bob = logged_in(balancer.url, "bob", "legacy")
        assert ann.session_id is not None
        foreign = await asked(balancer, ann.session_id, headers=bob.headers)
        assert foreign == await asked(balancer, "A" * 27, headers=bob.headers)
        assert foreign[0] == 404
        assert (await asked(balancer, ann.session_id))[0] == 401
        assert (await asked(balancer, ann.session_id, headers=ann.headers))[0] == 200
        assert ann.session_id not in str(database.run("SELECT * FROM server_entries"))


@pytest.mark.parametrize("body", [b'{"jsonrpc": "2.0", "id": 7, "method": "tools/list"}', b"[]", b"{", b"\xff", b"[1"])
async def test_a_request_without_an_id(replicas: Replicas, body: bytes) -> None:
    """Only `initialize` can do without one."""
    async with replicas(count=1) as balancer:
        client = HttpClient(balancer.url, "legacy")
        async with client.connection as connection:
            answer = await connection.request("POST", client.request_headers(None), body)
            assert (answer.status, answer.json["error"]["message"]) == (400, "Bad Request: Missing session ID")
            assert answer.json["id"] == (7 if b"7" in body else None)


async def test_a_refused_handshake_gets_no_id(replicas: Replicas) -> None:
    """An `initialize` that the endpoint does not accept, here for its media type, leads to no session."""
    async with replicas(count=1) as balancer:
        client = HttpClient(balancer.url, "legacy")
        async with client.connection as connection:
            body = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": []}'
            answer = await connection.request("POST", [("Content-Type", "text/plain")], body)
            assert answer.status >= 400
            assert "mcp-session-id" not in answer.headers


async def test_roots_that_cannot_be_asked_for(replicas: Replicas, tmp_path: Path) -> None:
    """A client that has roots is told why they do not help here; one that has none is told nothing of them."""
    async with replicas() as balancer:
        for roots, told in ((lambda: [tmp_path.as_uri()], True), (None, False)):
            async with HttpClient(balancer.url, "legacy", roots=roots) as client:
                refused = await client.call("list_work_items")
                assert refused.code == "NO_SESSION"
                assert ("cannot ask a client of the handshake era for its roots" in refused.text) is told
                assert client.asked == 0


async def test_a_connection_lasts_as_long_as_it_is_used(database: Database) -> None:
    """A day after its last use it has ended; uses are noted once in ten minutes, and never revive what has ended."""
    clock, store = FakeClock(), DatabaseStore(Entries(database.url))
    handshakes = Handshakes(store, clock=clock)

    def ends_in() -> float:
        ((seconds,),) = database.run("SELECT extract(epoch FROM expires_at - now())::float FROM server_entries")
        return float(seconds)

    one = await handshakes.open(None, has_roots=True, shows_apps=True)
    database.run("UPDATE server_entries SET expires_at = now() + make_interval(secs => 900)")
    clock.advance(TOUCH_EVERY - 1)
    found = await handshakes.find(None, one)
    assert found is not None
    assert (found.has_roots, found.shows_apps) == (True, True)
    assert ends_in() < LIFETIME / 2
    clock.advance(1)
    assert await handshakes.find(None, one) == found
    assert LIFETIME < ends_in() <= LIFETIME + TOUCH_EVERY
    database.run("UPDATE server_entries SET expires_at = now()")
    clock.advance(TOUCH_EVERY)
    assert await handshakes.find(None, one) is None
    await store.merge(found.key, {"used_at": 0.0}, collection="connections", ttl=60)
    assert await handshakes.find(None, one) is None
    await store.close()


async def test_what_is_nested_too_deeply_names_no_session(database: Database, tmp_path: Path) -> None:
    """A request that no parser follows to its end is refused as any other without a session id, and is no defect."""
    async with served_here(tmp_path, database_url=database.url) as server, Connection(server.url) as connection:
        headers = HttpClient(server.url, "legacy").request_headers(None)
        for body in (b"[" * 10_000, b'{"a":' * 10_000, b"[" * 10_000 + b"]" * 10_000):
            answer = await connection.request("POST", headers, body)
            assert (answer.status, answer.json["error"]["message"]) == (400, "Bad Request: Missing session ID")


async def test_each_server_knows_who_shows_apps(database: Database, tmp_path: Path) -> None:
    """The board's tools are listed for a client that said so when it initialized, and for no other."""
    async with served_here(tmp_path, database_url=database.url) as server:
        for shows_apps in (True, False):
            client = HttpClient(server.url, "legacy")
            client.shows_apps = shows_apps
            async with client:
                names = [tool["name"] for tool in (await client.request("tools/list"))["tools"]]
                assert (names[-1] == "board_request", "show_board" in names) == (shows_apps, shows_apps)
                assert ((await client.call("show_board")).code == "TOOL_UNKNOWN") is not shows_apps


async def test_what_is_cancelled_at_another_server_takes_nothing(replicas: Replicas, tmp_path: Path) -> None:
    """A claim that waits is left by its client: what becomes ready then is for others."""
    folder = make_project(tmp_path, "shop")
    at_work = (("X-Workflow-Directory", str(folder)),)
    async with (
        replicas() as balancer,
        HttpClient(balancer.url, "legacy", at_work) as client,
        HttpClient(balancer.url, "legacy", at_work) as other,
        Connection(balancer.url) as connection,
    ):
        number = await began(client, connection, actor="gone")
        for cancelled in (number + 1, number):
            notice = {"method": "notifications/cancelled", "params": {"requestId": cancelled}}
            assert (await client.post({"jsonrpc": "2.0", **notice})).status == 202
        await other.call("create_work_items", items=[{"title": "first"}])
        taken = await other.call("claim_work_item", actor="other", wait_seconds=50)
        assert "Yours as other: #1" in taken.text
        assert "Nothing is ready" in json.dumps(await answer(connection))
