"""Serving: a server, its settings and store, and a transport, until it is told to end."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Any

import anyio

from workflow_mcp.errors import WorkflowError
from workflow_mcp.server import build_server
from workflow_mcp.session_archive import FileStore
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.stdio import leave, on_signals, open_pump

SESSIONS_FOLDER = "sessions"


def serve_stdio(**settings: Any) -> None:
    """Serve over stdio and end the process: 0 after any orderly end, 2 when the settings are wrong."""
    try:
        chosen = load_settings(**settings)
        server = build_server(chosen, session_store=file_store(chosen))
    except WorkflowError as error:
        print(error, file=sys.stderr)  # noqa: T201 - no log is set up yet
        leave(2)
    log_to_stderr(chosen)
    pump = open_pump()
    on_signals(pump.end)
    pump.start()
    # What was imported stays; the collector need never look at it again.
    gc.freeze()
    gc.enable()
    anyio.run(lambda: server.run_stdio_async(show_banner=False, log_level=chosen.log_level))
    leave(0)


def file_store(settings: Settings) -> FileStore:
    """The store in which the sessions of a serving process survive it."""
    return FileStore(settings.data_dir / SESSIONS_FOLDER)


def log_to_stderr(settings: Settings) -> None:
    """Send the package's log to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("workflow_mcp")
    package.addHandler(handler)
    package.setLevel(settings.log_level)
