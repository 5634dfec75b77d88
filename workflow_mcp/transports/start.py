"""The start of every transport: settings, log, session store, garbage collector."""

from __future__ import annotations

import gc
import logging
from typing import Any, NoReturn

import fastmcp
from opentelemetry import trace

from workflow_mcp.errors import WorkflowError
from workflow_mcp.sessions.stores.files import LazyFileTreeStore
from workflow_mcp.sessions.stores.small_files import SmallFiles
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.storage.kinds import postgresql
from workflow_mcp.transports.log import log_to_stderr, tell
from workflow_mcp.transports.process import leave

SESSIONS_FOLDER = "sessions"
CALLS_FOLDER = "calls"


def settings_or_leave(*, directory: str | None = None, **values: Any) -> Settings:
    """Load the settings, which `values` override, and set up the log; ends the process when they are invalid."""
    try:
        named = None if directory is None else load_settings().absolute(directory)
        option = None if named is None else "--directory"
        settings = load_settings(directory=named, directory_option=option, **values)
    except WorkflowError as error:
        leave_with(error)
    log_to_stderr(settings)
    return settings


def check_database_or_leave(settings: Settings) -> None:
    """Check the database that the settings name; ends the process when it cannot be used. Without one, does nothing."""
    if settings.database_url is not None:
        try:
            postgresql("check").check_database(settings.database_url)
        except WorkflowError as error:
            leave_with(error, settings)


def leave_with(error: WorkflowError, settings: Settings | None = None) -> NoReturn:
    """Print the error on stderr and end the process with exit code 2."""
    tell(str(error), settings, level=logging.ERROR)
    leave(2)


def settle_memory() -> None:
    """Exclude what was imported from garbage collection, and collect less often."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def omit_unseen_spans() -> None:
    """Let FastMCP make no spans where nothing is there to record them; they take an eighth of a call.

    Does nothing where a tracer is configured, or FastMCP's own setting says what is wanted.
    """
    chosen = "telemetry_mode" in fastmcp.settings.model_fields_set
    if not chosen and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        fastmcp.settings.telemetry_mode = "propagation_only"


def file_store(settings: Settings) -> LazyFileTreeStore:
    """The store in which sessions survive the process."""
    return LazyFileTreeStore(settings.data_dir / SESSIONS_FOLDER)


def call_files(settings: Settings) -> SmallFiles:
    """The store in which the bindings of calls survive a serving process."""
    return SmallFiles(settings.data_dir / CALLS_FOLDER)
