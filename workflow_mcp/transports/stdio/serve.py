"""Serving one client over stdio until it disconnects."""

from __future__ import annotations

import sys
from functools import partial

import anyio
from fastmcp import FastMCP

from workflow_mcp.server.build import add_components, build_server
from workflow_mcp.settings import Settings
from workflow_mcp.transports.board_app import BoardApp
from workflow_mcp.transports.process import leave, on_signals
from workflow_mcp.transports.start import (
    call_files,
    check_database_or_leave,
    file_store,
    omit_unseen_spans,
    settings_or_leave,
    settle_memory,
)
from workflow_mcp.transports.stdio.input import StandardInput
from workflow_mcp.transports.stdio.need import Need
from workflow_mcp.transports.stdio.opening import Opening
from workflow_mcp.transports.stdio.record import Record
from workflow_mcp.transports.stdio.streams import run_on_stdio
from workflow_mcp.transports.stdio.windows import PipedInput


def serve_stdio(opening: Opening, *, directory: str | None = None) -> None:
    """Serve over stdio and end the process: with 0 when it was ended in order, with 2 when it cannot start."""
    settings = settings_or_leave(directory=directory)
    check_database_or_leave(settings)
    stdin = PipedInput() if sys.platform == "win32" else StandardInput(bytes(opening.received))
    server = build_server(
        settings,
        session_store=file_store(settings),
        call_store=call_files(settings),
        complete=isinstance(stdin, PipedInput),
    )
    server.add_transform(BoardApp())
    on_signals(stdin.end)
    stdin.watch()
    settle_memory()
    omit_unseen_spans()
    if isinstance(stdin, StandardInput):
        need = Need(partial(_load_components, server, settings))
        anyio.run(partial(run_on_stdio, server, stdin, Record(opening), need))
    else:
        anyio.run(partial(server.run_stdio_async, show_banner=False))
    leave(0)


def _load_components(server: FastMCP, settings: Settings) -> None:
    add_components(server, settings)
    settle_memory()
