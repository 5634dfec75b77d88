"""What a conversation told the server to remember, read from the file that the server keeps it in."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from workflow_mcp.errors import Code, SessionError
from workflow_mcp.sessions.actors import CONVERSATION
from workflow_mcp.sessions.stores.protocol import COLLECTION

FOLDER = "sessions"


@dataclass(frozen=True, slots=True)
class SessionChoice:
    """The directory that `set_working_directory` set, and the project that `switch_project` chose, if any."""

    directory: str | None = None
    project_id: str | None = None


def choice_of(session_id: str, data_dir: Path, now: datetime) -> SessionChoice:
    """What the conversation chose; nothing when it chose nothing, or too long ago.

    Raises:
        SessionError: `SESSION_UNREADABLE`.
    """
    name = hashlib.sha256(f"{CONVERSATION}{session_id}".encode("utf-8", "surrogatepass")).hexdigest()
    path = os.path.join(data_dir, FOLDER, COLLECTION, f"{name}.json")
    try:
        with open(path, "rb") as file:
            entry = json.loads(file.read())
        if datetime.fromisoformat(entry["expires_at"]) <= now:
            return SessionChoice()
        return _choice_in(entry["value"])
    except FileNotFoundError:
        return SessionChoice()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SessionError(
            Code.SESSION_UNREADABLE, "what was set for this session cannot be read.", "call get_working_directory()."
        ) from error


def _choice_in(value: dict[str, Any]) -> SessionChoice:
    # The project is the session's own choice only where no config named it.
    chosen = value["project_id"] if value["config_path"] is None else None
    return SessionChoice(value["working_directory"], chosen)
