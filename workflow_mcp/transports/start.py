"""What every transport does when it starts: settings, log, session store, memory."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Any, NoReturn

from workflow_mcp.errors import WorkflowError
from workflow_mcp.sessions.stores.files import LazyFileTreeStore
from workflow_mcp.sessions.stores.small_files import SmallFiles
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.transports.process import leave

SESSIONS_FOLDER = "sessions"
CALLS_FOLDER = "calls"


def settings_or_leave(*, directory: str | None = None, **values: Any) -> Settings:
    """The settings, with `values` on top, and the log set up as they say; ends the process when they are wrong."""
    try:
        named = None if directory is None else load_settings().absolute(directory)
        settings = load_settings(directory=named, **values)
    except WorkflowError as error:
        leave_with(error)
    log_to_stderr(settings)
    return settings


def leave_with(error: WorkflowError) -> NoReturn:
    """End the process with exit code 2, after one line for whoever started it."""
    print(error, file=sys.stderr)
    leave(2)


def settle_memory() -> None:
    """Let the collector leave alone what was imported, and look less often at what calls leave behind."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def file_store(settings: Settings) -> LazyFileTreeStore:
    """The store in which the sessions of a serving process survive it."""
    return LazyFileTreeStore(settings.data_dir / SESSIONS_FOLDER)


def call_files(settings: Settings) -> SmallFiles:
    """The store in which the bindings of calls survive a serving process."""
    return SmallFiles(settings.data_dir / CALLS_FOLDER)


def log_to_stderr(settings: Settings) -> None:
    """Send the package's log to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    package = logging.getLogger("workflow_mcp")
    package.addHandler(handler)
    package.setLevel(settings.log_level)
