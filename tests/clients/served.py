"""Servers over HTTP: real processes, and one in the test's own event loop."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.clients.peers import isolated_settings
from tests.clients.processes import SERVER, Done, run
from tests.clients.stdio import Wire, environment
from tests.support import BOUND, until
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.transports.http.server import DrainingServer, build_http_server


class Served(Wire):
    """A `serve --http` process that has said where it is.

    Attributes:
        url: where clients reach it.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wait_for_log("ends it)")
        found = re.search(r" at (http\S+)", self.log)
        assert found is not None, self.log
        self.url = found[1]

    def tell_to_end(self) -> None:
        """Send what a service manager sends."""
        self.process.terminate()

    def end(self) -> None:
        """Tell it to end; it must do so with exit code 0 and without a byte on stdout."""
        self.tell_to_end()
        code = self.ended()
        assert (code == 0) == (os.name == "posix"), f"exit code {code}; stderr: {self.log}"
        assert bytes(self.out) == b""


def _command(home: Path, arguments: Sequence[str]) -> list[str]:
    home.mkdir(parents=True, exist_ok=True)
    return [*SERVER, "serve", "--http", *(() if "--port" in arguments else ("--port", "0")), *arguments]


@contextmanager
def serving(home: Path, *arguments: str, **variables: str) -> Iterator[Served]:
    """A server process of its own; its home is made if need be, and not its clients'."""
    with Served(home, environment(home, **variables), command=_command(home, arguments)) as served:
        yield served


def refused_start(home: Path, *arguments: str, **variables: str) -> Done:
    """A server process that does not get as far as serving."""
    return run(_command(home, arguments)[len(SERVER) :], cwd=home, env=environment(home, **variables))


@asynccontextmanager
async def running(server: uvicorn.Server, serve: Awaitable[None]) -> AsyncIterator[None]:
    """A uvicorn server in this event loop."""
    task = asyncio.ensure_future(serve)
    try:
        await until(lambda: server.started or task.done())
        yield
    finally:
        server.should_exit = True
        async with asyncio.timeout(BOUND):
            await task


@asynccontextmanager
async def served_here(
    home: Path,
    *,
    session_store: SessionStore | None = None,
    call_store: SessionStore | None = None,
    **settings: Any,
) -> AsyncIterator[DrainingServer]:
    """Our server in this event loop, for tests that reach into it."""
    server = build_http_server(
        isolated_settings(home, port=0, **settings), session_store=session_store, call_store=call_store
    )
    async with running(server, server.run_until_signal()):
        yield server


@asynccontextmanager
async def served_app(app: ASGIApp, path: str = "/mcp") -> AsyncIterator[str]:
    """The URL of any app that is served in this event loop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it only on its own
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_level="error"))
        async with running(server, server.serve(sockets=[listener])):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
