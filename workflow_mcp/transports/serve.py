"""Serving: a server, its settings and store, and a transport, until it is told to end."""

from __future__ import annotations

import gc
import logging
import sys
from functools import partial
from typing import Any, NoReturn

import anyio

from workflow_mcp import __version__
from workflow_mcp.errors import WorkflowError
from workflow_mcp.server.build import build_server
from workflow_mcp.sessions.stores.files import LazyFileTreeStore
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.transports.stdio.process import leave, on_signals, open_pump
from workflow_mcp.transports.stdio.streams import run_on_stdio

SESSIONS_FOLDER = "sessions"


def serve_stdio(**settings: Any) -> None:
    """Serve over stdio and end the process: 0 after any orderly end, 2 when the settings are wrong."""
    chosen = _settings_or_leave(settings)
    log_to_stderr(chosen)
    server = build_server(chosen, session_store=file_store(chosen))
    pump = open_pump()
    on_signals(pump.end)
    pump.start()
    settle_memory()
    anyio.run(partial(run_on_stdio, server, log_level=chosen.log_level, end_input=pump.end))
    leave(0)


def _settings_or_leave(settings: dict[str, Any]) -> Settings:
    try:
        return load_settings(**settings)
    except WorkflowError as error:
        _leave_with(error)


def _leave_with(error: WorkflowError) -> NoReturn:
    print(error, file=sys.stderr)
    leave(2)


def serve_http(**settings: Any) -> None:
    """Serve over HTTP and end the process: 0 after any orderly end, 2 when it cannot begin."""
    from workflow_mcp.transports.http.server import build_http_server

    chosen = _settings_or_leave(settings)
    log_to_stderr(chosen)
    try:
        server = build_http_server(chosen, session_store=file_store(chosen))
    except WorkflowError as error:
        _leave_with(error)
    # Stands before uvicorn's own handlers do and after; a terminal that closes is for this one alone.
    on_signals(lambda _number, _frame: setattr(server, "should_exit", True))
    settle_memory()
    shorten_numbers()
    print(f"workflow-mcp {__version__} at {server.url} (Ctrl+C ends it)", file=sys.stderr)
    anyio.run(server.run_until_told)
    leave(0)


def shorten_numbers() -> None:
    """Let no number be longer than Python's lowest limit: converting digits takes quadratic time."""
    sys.set_int_max_str_digits(sys.int_info.str_digits_check_threshold)


def settle_memory() -> None:
    """Let the collector leave alone what was imported, and look less often at what calls leave behind."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def file_store(settings: Settings) -> LazyFileTreeStore:
    """The store in which the sessions of a serving process survive it."""
    return LazyFileTreeStore(settings.data_dir / SESSIONS_FOLDER)


def log_to_stderr(settings: Settings) -> None:
    """Send the package's log to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("workflow_mcp")
    package.addHandler(handler)
    package.setLevel(settings.log_level)
