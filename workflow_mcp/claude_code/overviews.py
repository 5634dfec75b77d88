"""What a conversation of Claude Code sees of its project, found as the server finds it, without the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow_mcp.claude_code.session_choice import SessionChoice, choice_of
from workflow_mcp.errors import DirectoryError
from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.settings import Settings
from workflow_mcp.storage.sqlite.glance import glance, ids_of
from workflow_mcp.storage.sqlite.paths import path_of
from workflow_mcp.work.overview import Overview
from workflow_mcp.work.values import Counts, Project
from workflow_mcp.workspace.config_cache import ConfigCache
from workflow_mcp.workspace.locator import locate_now


@dataclass(frozen=True, slots=True)
class View:
    """An overview, and the actor whose items count as held in it; empty when no conversation was named."""

    overview: Overview
    holder: str


def find_overview(directory: str, session_id: str, now: datetime, settings: Settings) -> View | None:
    """The overview of the project that a conversation in a directory works in; None where there is none.

    Args:
        directory: the conversation's working directory, unless it set another.
        session_id: Claude Code's id of the conversation; empty for none.
        now: UTC.
        settings: the server's.

    Raises:
        ConfigError: the config that applies there cannot be used.
        SessionError: `SESSION_UNREADABLE`.
        StoreError: the project's file cannot be read, or `PROJECT_DELETED`.
    """
    in_database = settings.database_url is not None
    holder = actor_name(session_id) if session_id else ""
    # What was set is in that database too.
    chosen = SessionChoice() if in_database else choice_of(session_id, settings.data_dir, now)
    project = _project_of(chosen, directory, settings)
    if project is None:
        return None
    if in_database or (settings.join == "ask" and chosen.project_id is None):
        # Only the server reaches the work there, or finds out whether this repository may see it.
        return View(Overview(project.name), holder)
    ids = [project.id] if project.id is not None else ids_of(settings.data_dir, project.name)
    if len(ids) != 1:
        return View(Overview(project.name, None if ids else Counts()), holder)
    path = path_of(settings.data_dir, ids[0])
    return View(glance(path, ids[0], name=project.name, holder=holder or None, now=now), holder)


def _project_of(chosen: SessionChoice, directory: str, settings: Settings) -> Project | None:
    if chosen.project_id is not None:
        return Project(chosen.project_id, "")
    try:
        return locate_now(
            chosen.directory or directory, "environment", settings=settings, configs=ConfigCache()
        ).project
    except DirectoryError:
        return None  # gone, or not allowed here: there is no project to speak of
