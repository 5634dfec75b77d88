"""What a conversation of Claude Code sees of its project, found as the server finds it, without the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow_mcp.claude_code.environment import Environment, read_environment
from workflow_mcp.claude_code.project import find_project
from workflow_mcp.claude_code.session_choice import SessionChoice, choice_of
from workflow_mcp.errors import DirectoryError
from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.storage.sqlite.glance import glance, ids_of
from workflow_mcp.storage.sqlite.paths import path_of
from workflow_mcp.work.overview import Overview
from workflow_mcp.work.values import Counts


@dataclass(frozen=True, slots=True)
class View:
    """An overview, and the actor whose items count as held in it; empty when no conversation was named."""

    overview: Overview
    holder: str


def find_overview(directory: str, session_id: str, now: datetime) -> View | None:
    """The overview of the project that a conversation in a directory works in; None where there is none.

    Args:
        directory: the conversation's working directory, unless it set another.
        session_id: Claude Code's id of the conversation; empty for none.
        now: UTC.

    Raises:
        ConfigError: the config that applies there cannot be used.
        SessionError: `SESSION_UNREADABLE`.
        StoreError: the project's file cannot be read, or `PROJECT_DELETED`.
    """
    environment = read_environment()
    holder = actor_name(session_id) if session_id else ""
    # What was set is in that database too.
    chosen = SessionChoice() if environment.in_database else choice_of(session_id, environment.data_dir, now)
    project = _project_of(chosen, directory, environment)
    if project is None:
        return None
    if environment.in_database or (environment.asks_to_join and chosen.project_id is None):
        # Only the server reaches the work there, or finds out whether this repository may see it.
        return View(Overview(project[1]), holder)
    project_id, name = project
    ids = [project_id] if project_id is not None else ids_of(environment.data_dir, name)
    if len(ids) != 1:
        return View(Overview(name, None if ids else Counts()), holder)
    path = path_of(environment.data_dir, ids[0])
    return View(glance(path, ids[0], name=name, holder=holder or None, now=now), holder)


def _project_of(chosen: SessionChoice, directory: str, environment: Environment) -> tuple[str | None, str] | None:
    if chosen.project_id is not None:
        return chosen.project_id, ""
    try:
        project = find_project(chosen.directory or directory, environment)
    except DirectoryError:
        return None  # gone, or not allowed here: there is no project to speak of
    return (project.id, project.name) if project is not None and project.auto_switch else None
