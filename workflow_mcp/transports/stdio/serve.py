"""Serving one client over stdio, until it leaves."""

from __future__ import annotations

from functools import partial

import anyio

from workflow_mcp.server.build import build_server
from workflow_mcp.transports.process import leave, on_signals
from workflow_mcp.transports.start import file_store, settings_or_leave, settle_memory
from workflow_mcp.transports.stdio.pump import open_pump
from workflow_mcp.transports.stdio.streams import run_on_stdio


def serve_stdio(*, directory: str | None = None) -> None:
    """Serve over stdio and end the process: 0 after any orderly end, 2 when the settings are wrong."""
    settings = settings_or_leave(directory=directory)
    server = build_server(settings, session_store=file_store(settings))
    pump = open_pump()
    on_signals(pump.end)
    pump.start()
    settle_memory()
    anyio.run(partial(run_on_stdio, server, log_level=settings.log_level, end_input=pump.end))
    leave(0)
