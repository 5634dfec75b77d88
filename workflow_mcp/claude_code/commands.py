"""The commands that Claude Code itself runs: `workflow-mcp hook` and `workflow-mcp statusline`.

Each reads one JSON object on stdin, as Claude Code gives it, and prints text or nothing. They run at every start of a
session and many times an hour, so they import neither FastMCP nor pydantic nor SQLAlchemy.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from workflow_mcp.claude_code.overviews import View, find_overview
from workflow_mcp.claude_code.texts import session_text, status_line, unusable_text
from workflow_mcp.errors import WorkflowError
from workflow_mcp.settings import load_settings

MAX_INPUT_BYTES = 1_000_000


def hook() -> None:
    """Tell a session of Claude Code that starts about its project: what the plugin's hook runs.

    Prints nothing where there is no project.
    """
    given, now = _given(), datetime.now(UTC)
    try:
        view = _view(given, _text(given, "cwd"), now)
    except WorkflowError as error:
        _print(unusable_text(error))
        return
    if view is not None:
        _print(session_text(view.overview, holder=view.holder, now=now))


def statusline() -> None:
    """Print one line for the status line of Claude Code; nothing where there is no project."""
    given = _given()
    try:
        view = _view(given, _text(given.get("workspace"), "current_dir") or _text(given, "cwd"), datetime.now(UTC))
    except WorkflowError as error:
        _print(f"workflow-mcp: {error.code}")
        return
    if view is not None:
        _print(status_line(view.overview))


def _view(given: dict[str, Any], directory: str, now: datetime) -> View | None:
    settings = load_settings()
    return find_overview(directory or settings.process_directory or "", _text(given, "session_id"), now, settings)


def _given() -> dict[str, Any]:
    """The JSON object on stdin; empty for a person at a terminal, and for what is no JSON object."""
    if sys.stdin.isatty():
        return {}
    try:
        given = json.loads(sys.stdin.buffer.read(MAX_INPUT_BYTES))
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _text(given: object, name: str) -> str:
    value = given.get(name) if isinstance(given, dict) else None
    return value if isinstance(value, str) else ""


def _print(text: str) -> None:
    # What a terminal of another encoding could not show must not end the command.
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.buffer.flush()
