"""The log on stderr: one format for the lines of this package, of FastMCP, of uvicorn and of all other libraries."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from typing import Any

import fastmcp

from workflow_mcp.server.request_ids import REQUEST_ID
from workflow_mcp.settings import Settings

logger = logging.getLogger(__name__)

# Those that log at the chosen level; of others only warnings are of interest, and they do not know what is secret.
LOGGERS = ("workflow_mcp", "fastmcp", "uvicorn")


class TextLines(logging.Formatter):
    """A line for people: time, level, logger, the request's id, and the message; a traceback takes lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        record.request_id = REQUEST_ID.get() or "-"
        return super().format(record)


class JsonLines(logging.Formatter):
    """A JSON object a line: `time` (UTC), `level`, `logger`, `message`, `request_id` (or null), and a `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(settings: Settings) -> None:
    """Send the whole process's log to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.getLogger().handlers = [handler]
    logging.captureWarnings(capture=True)
    # Else FastMCP puts handlers of its own there whenever it runs.
    fastmcp.settings.log_enabled = False
    for name in LOGGERS:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(settings.log_level)
    if settings.log_format == "json":
        _log_what_nobody_catches()


def _log_what_nobody_catches() -> None:
    sys.excepthook = lambda kind, error, trace: logger.critical("the process fails", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value or args.exc_type()
        logger.critical("a thread fails", exc_info=(args.exc_type, error, args.exc_traceback))

    threading.excepthook = in_thread


def tell(text: str, settings: Settings | None, *, level: int = logging.INFO) -> None:
    """Print a line for whoever starts the server on stderr, whatever the log's level is; in the log's format."""
    if settings is not None and settings.log_format == "json":
        text = JsonLines().format(logging.LogRecord(__name__, level, "", 0, text, None, None))
    print(text, file=sys.stderr)
