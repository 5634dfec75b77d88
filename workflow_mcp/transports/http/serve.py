"""Serving many clients over HTTP, until told to end."""

from __future__ import annotations

import sys

import anyio

from workflow_mcp import __version__
from workflow_mcp.errors import WorkflowError
from workflow_mcp.transports.http.server import build_http_server
from workflow_mcp.transports.process import leave, on_signals
from workflow_mcp.transports.start import call_files, file_store, leave_with, settings_or_leave, settle_memory


def serve_http(*, host: str | None = None, port: int | None = None, path: str | None = None) -> None:
    """Serve over HTTP and end the process: 0 after any orderly end, 2 when it cannot begin."""
    settings = settings_or_leave(host=host, port=port, path=path)
    try:
        server = build_http_server(settings, session_store=file_store(settings), call_store=call_files(settings))
    except WorkflowError as error:
        leave_with(error)
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
