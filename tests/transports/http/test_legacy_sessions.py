"""Sessions of handshake-era clients over HTTP: the most idle go when there are too many, and all after 30 minutes."""

from __future__ import annotations

from pathlib import Path

import anyio

from tests.clients.http import HttpClient, stream
from tests.clients.served import served_here
from tests.support import BOUND, until
from workflow_mcp.server.compat import legacy_sessions
from workflow_mcp.transports.http.legacy_sessions import LegacySessions
from workflow_mcp.transports.http.server import DrainingServer


def sessions_of(server: DrainingServer) -> LegacySessions:
    """What bounds a server's sessions."""
    assert server._sessions is not None
    return server._sessions


def ids(server: DrainingServer) -> list[str]:
    """The ids of a server's sessions."""
    sessions = sessions_of(server)
    return list(legacy_sessions(sessions._app, sessions._path))


async def opened(server: DrainingServer, count: int) -> list[HttpClient]:
    """Clients that have opened a session and hung up."""
    clients = [HttpClient(server.url, "legacy") for _ in range(count)]
    for client in clients:
        await client.open()
        await client.connection.close()
    return clients


async def test_the_most_idle_sessions_end_first(tmp_path: Path) -> None:
    """Beyond the maximum the sessions end whose last request is longest ago, and none that has a stream open."""
    async with served_here(tmp_path) as server:
        sessions_of(server)._maximum = 3
        streaming, vanished, busy = await opened(server, 3)
        async with stream(streaming), busy.connection:
            await busy.call("health_check")
            later = await opened(server, 2)
            await until(lambda: len(ids(server)) == 3)
            assert ids(server) == [client.session_id for client in (streaming, *later)]
            async with vanished.connection:
                assert (await vanished.exchange("tools/list"))["status"] == 404
            async with later[0].connection:
                assert not (await later[0].call("health_check")).is_error


async def test_a_client_whose_session_ended_begins_anew(tmp_path: Path) -> None:
    """What an ended session knew is nobody's: the client that initializes again has no directory."""
    async with served_here(tmp_path) as server:
        sessions_of(server)._maximum = 1
        (client,) = await opened(server, 1)
        async with client.connection:
            await client.call("set_working_directory", directory=str(tmp_path))
            await opened(server, 1)
            await until(lambda: client.session_id not in ids(server))
            assert (await client.exchange("tools/list"))["status"] == 404
            client.session_id = None
            await client.open()
            assert (await client.call("list_work_items")).code == "NO_SESSION"


async def test_sessions_end_after_half_an_hour(tmp_path: Path) -> None:
    """A client that vanished costs nothing any more after 30 minutes, by the SDK's own clock."""
    async with served_here(tmp_path) as server:
        await opened(server, 1)
        sessions = sessions_of(server)
        (session,) = legacy_sessions(sessions._app, sessions._path).values()
        assert session.idle_scope is not None
        assert 0 <= anyio.current_time() + 1800 - session.idle_scope.deadline < BOUND
