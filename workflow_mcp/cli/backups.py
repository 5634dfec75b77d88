"""The commands that keep projects' files safe: backup, and restore of a backup."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from workflow_mcp.cli.local import known_projects, locate, require_files
from workflow_mcp.cli.output import print_text
from workflow_mcp.cli.parameters import Directory
from workflow_mcp.errors import Code, ProjectError, UsageError
from workflow_mcp.settings import Settings, load_settings
from workflow_mcp.storage.kinds import sqlite
from workflow_mcp.work.values import Project

DUMP = "run `pg_dump --format=custom --file=workflow.dump` as a superuser, for row level security binds all others."
LOAD = "run `pg_restore --dbname=NEW workflow.dump` into a new database, and name that in WORKFLOW_MCP_DATABASE_URL."


def backup(
    file: Annotated[str | None, Parameter(help="The new file, or with --all a folder; default: here.")] = None,
    /,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Every project of the data directory.")] = False,
    directory: Directory = ".",
) -> None:
    """Write a backup of the project, or with --all of every project; servers may go on meanwhile."""
    settings = load_settings()
    require_files(settings, "`backup` copies", DUMP)
    if every:
        _back_up_all(settings, settings.absolute(file or "."))
        return
    project = _project(settings, directory)
    _back_up(settings, project, settings.absolute(file or _default_name(project)))


def _back_up_all(settings: Settings, folder: str) -> None:
    if not os.path.isdir(folder):
        raise UsageError(Code.FILE_UNREADABLE, f"{folder} is not a folder.", "name a folder that is there.")
    found = sqlite("projects").read_projects(settings.data_dir, known_projects(settings))
    for project in found.projects:
        _back_up(settings, project, os.path.join(folder, _default_name(project)))
    for problem in found.problems:
        raise problem.error


def _back_up(settings: Settings, project: Project, target: str) -> None:
    done = sqlite("backups").back_up(settings.data_dir, project.known_id, target)
    print_text(f"{done.file}: {project.name}, {done.items} work items, read back and whole")


def _default_name(project: Project) -> str:
    name = re.sub(r"[^\w-]+", "-", project.name)[:80]
    return f"{name}-{project.known_id[:8]}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"


def restore_file(file: str) -> None:
    """Put a backup in the place of its project's file; what is there is kept under another name."""
    settings = load_settings()
    require_files(settings, "`restore` with a file is for", LOAD)
    done = sqlite("backups").restore(settings.data_dir, known_projects(settings), settings.absolute(file))
    kept = "" if done.kept is None else f"\nWhat was there is {done.kept} now."
    print_text(f"{done.path}: {done.project.name}, {done.items} work items.{kept}")


def begin_anew(directory: str) -> None:
    """Let the directory's project, whose file is gone, begin anew."""
    settings = load_settings()
    require_files(settings, "`restore --empty` is for", LOAD)
    project = _project(settings, directory)
    sqlite("backups").begin_anew(settings.data_dir, known_projects(settings), project)
    print_text(f"{project.name} begins anew: its file is made when the next work item is.")


def _project(settings: Settings, directory: str) -> Project:
    location = locate(settings.absolute(directory), settings)
    project = None if location.config is None else location.config.project
    if project is not None and project.id is not None:
        return Project(project.id, project.name)
    projects, known = sqlite("projects"), known_projects(settings)
    found: Project | None = projects.find_by_name(settings.data_dir, known, project.name) if project else None
    if found is None:
        where = location.directory.path
        raise ProjectError(Code.NO_PROJECT, f"{where} is in no project with work items.", "name another directory.")
    return found
