"""Filters that keep handles, and tracebacks of expected errors, out of FastMCP's log."""

from __future__ import annotations

import logging

from workflow_mcp.errors import workflow_error_in
from workflow_mcp.server.compat import ARGUMENTS_LOGGER, ERROR_LOGGERS


class ShortHandles(logging.Filter):
    """Shortens the handle, a bearer capability, in the tool arguments that FastMCP logs at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if isinstance(record.args, tuple):
            record.args = tuple(_without_handle(value) for value in record.args)
        return True


def _without_handle(value: object) -> object:
    if not isinstance(value, dict) or value.get("session") is None:
        return value
    return {**value, "session": f"{str(value['session'])[:4]}…"}


class ExpectedErrors(logging.Filter):
    """Logs a `WorkflowError` as one line at INFO; FastMCP would log it as an error with its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        error = record.exc_info[1] if record.exc_info else None
        expected = None if error is None else workflow_error_in(error)
        if expected is None:
            return True
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
        record.msg, record.args = f"{record.getMessage()}: {expected.code}", ()
        return logging.getLogger(record.name).isEnabledFor(logging.INFO)


_SHORT_HANDLES = ShortHandles()
_EXPECTED_ERRORS = ExpectedErrors()


def filter_fastmcp_logs() -> None:
    """Install both filters; safe to repeat."""
    logging.getLogger(ARGUMENTS_LOGGER).addFilter(_SHORT_HANDLES)
    for name in ERROR_LOGGERS:
        logging.getLogger(name).addFilter(_EXPECTED_ERRORS)
