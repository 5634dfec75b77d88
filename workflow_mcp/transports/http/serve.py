"""Serving many clients over HTTP until a signal ends the process."""

from __future__ import annotations

import sys

import anyio

from workflow_mcp import __version__
from workflow_mcp.errors import WorkflowError
from workflow_mcp.transports.http.server import build_http_server
from workflow_mcp.transports.log import tell
from workflow_mcp.transports.process import leave, on_signals
from workflow_mcp.transports.start import (
    call_files,
    check_database_or_leave,
    file_store,
    leave_with,
    omit_unseen_spans,
    settings_or_leave,
    settle_memory,
)


def serve_http(*, host: str | None = None, port: int | None = None, path: str | None = None) -> None:
    """Serve over HTTP and end the process: with 0 when it was ended in order, with 2 when it cannot start."""
    settings = settings_or_leave(host=host, port=port, path=path)
    check_database_or_leave(settings)
    try:
        server = build_http_server(settings, session_store=file_store(settings), call_store=call_files(settings))
    except WorkflowError as error:
        leave_with(error, settings)
    # In force before and after uvicorn's own handlers, which do not handle SIGHUP.
    on_signals(lambda _number, _frame: setattr(server, "should_exit", True))
    settle_memory()
    omit_unseen_spans()
    limit_number_length()
    tell(f"workflow-mcp {__version__} at {server.url} (Ctrl+C ends it)", settings)
    anyio.run(server.run_until_signal)
    leave(0)


def limit_number_length() -> None:
    """Refuse very long numbers, because converting their digits takes quadratic time."""
    sys.set_int_max_str_digits(sys.int_info.str_digits_check_threshold)
