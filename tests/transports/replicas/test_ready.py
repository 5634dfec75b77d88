"""`GET /ready`: whether a load balancer is to send calls to a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.databases import Database
from tests.clients.http import Connection, HttpClient
from tests.clients.served import served_here
from workflow_mcp.storage.postgresql import faults
from workflow_mcp.storage.tables import VERSION


async def test_a_server_on_a_database(database: Database, tmp_path: Path) -> None:
    """It is ready with a database that has its tables; without, it lives, says a code, and no more to anybody."""
    async with served_here(tmp_path, database_url=database.url) as server, Connection(server.url) as connection:
        assert (await connection.request("GET", path="/ready")).json["status"] == "ready"
        database.run("UPDATE alembic_version SET version_num = '0001'")
        try:
            answer = await connection.request("GET", path="/ready")
        finally:
            database.run("UPDATE alembic_version SET version_num = %s", VERSION)
        assert (answer.status, answer.json) == (503, {"status": "unready", "code": "STORE_OLDER"})
        assert (await connection.request("GET", path="/health")).status == 200


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """It starts all the same, and is ready as soon as the database is."""
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    async with served_here(tmp_path, database_url=url) as server, Connection(server.url) as connection:
        answer = await connection.request("GET", path="/ready")
        assert (answer.status, answer.json) == (503, {"status": "unready", "code": "STORE_UNREACHABLE"})


async def test_a_server_on_files(tmp_path: Path) -> None:
    """It is ready when its data directory can be written, and not while it drains."""
    async with served_here(tmp_path) as server, Connection(server.url) as connection:
        assert (await connection.request("GET", path="/ready")).status == 200
        server._drain.begin()
        answer = await connection.request("GET", path="/ready")
        assert (answer.status, answer.json) == (503, {"status": "draining"})
    (tmp_path / "data").write_text("in the way")
    async with served_here(tmp_path) as server, Connection(server.url) as connection:
        assert (await connection.request("GET", path="/ready")).status == 503


async def test_health_and_figures_without_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are answered just when they are needed: `health_check` is degraded and says why, `/metrics` has the rest."""
    monkeypatch.setattr(faults, "RECONNECT_TIMEOUT", 0.1)
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    async with served_here(tmp_path, database_url=url) as server, HttpClient(server.url) as client:
        health = (await client.call("health_check")).data
        assert (health["status"], health["sessions"]) == ("degraded", None)
        assert health["data_error"].startswith("STORE_UNREACHABLE: ")
        figures = await client.connection.request("GET", path="/metrics")
        assert figures.status == 200
        assert b"\nworkflow_mcp_sessions NaN\n" in figures.body
