"""Serving a board by itself, on this machine alone, for as long as somebody looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import anyio
from starlette.applications import Starlette

from workflow_mcp.app import open_services
from workflow_mcp.board.access import Viewer
from workflow_mcp.board.app import build_board
from workflow_mcp.board.site import Site
from workflow_mcp.server.waiting import Stopping
from workflow_mcp.settings import Settings
from workflow_mcp.transports.http.bodies import Bodies
from workflow_mcp.transports.http.connections import Connections
from workflow_mcp.transports.http.descriptors import reserve_descriptors
from workflow_mcp.transports.http.drain import Drain
from workflow_mcp.transports.http.server import DrainingServer, guarded, serving
from workflow_mcp.transports.process import leave, on_signals

LOOPBACK = "127.0.0.1"


def build_board_server(settings: Settings, viewer: Viewer, show: Callable[[str, str], None]) -> DrainingServer:
    """A server of the board alone, on a free port of this machine.

    Args:
        settings: the settings; where to listen is not taken from them.
        viewer: who may look at it.
        show: called in a thread, when the board can be opened, with the address of this server and a key.
    """
    local = replace(settings, host=LOOPBACK, port=0, path="/")
    stopping = Stopping()
    site = Site(makes_keys=False)

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        async with open_services(local) as services:
            stopping.then(services.projects.end_waits)
            site.open(services)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(
                    anyio.to_thread.run_sync, partial(show, server.url, await site.access.make_key(viewer))
                )
                yield

    drain = Drain(stopping)
    connections = Connections(maximum=reserve_descriptors(local.max_connections))
    app = guarded(build_board(site, local, running), Bodies(), drain)
    server = serving(app, local, drain, connections=connections)
    return server


def serve_board(settings: Settings, viewer: Viewer, show: Callable[[str, str], None]) -> None:
    """Serve the board until a signal comes, and end the process with 0."""
    server = build_board_server(settings, viewer, show)
    on_signals(lambda _number, _frame: setattr(server, "should_exit", True))
    anyio.run(server.run_until_signal)
    leave(0)
