"""The steps of `workflow-mcp doctor` about how the store knows a project."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.joining import about_repositories
from workflow_mcp.cli.local import known_projects, sqlite
from workflow_mcp.cli.steps import Step
from workflow_mcp.errors import WorkflowError, shown
from workflow_mcp.settings import Settings
from workflow_mcp.storage.kinds import postgresql
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.values import Location


def about_stored(location: Location, settings: Settings) -> Iterator[Step]:
    """How the store knows the location's project, if otherwise than its config, and which repositories work in it."""
    project = location.project
    try:
        notes = [] if project is None or project.id is None else list(_notes(project, settings))
    except WorkflowError as error:
        yield Step("stored project", "problem", error_line(error))
        return
    yield from (Step("stored project", "none", note) for note in notes)
    yield from about_repositories(location, settings)


def _notes(project: Project, settings: Settings) -> Iterator[str]:
    found = (_in_files if settings.database_url is None else _in_database)(project, settings)
    if found is None:
        return
    name, archived_at = found
    if name != project.name:
        yield (
            f"lists name it {shown(name)}, its config {shown(project.name)}: edit project.name there, "
            f"or run `workflow-mcp projects rename {project.id} NAME`"
        )
    if archived_at is not None:
        yield f"it is archived: lists leave it out; `workflow-mcp projects restore {project.id}` ends that"


def _in_files(project: Project, settings: Settings) -> tuple[str, datetime | None] | None:
    path = sqlite("paths").path_of(settings.data_dir, project.known_id)
    if not sqlite("files").is_there(path, project, known_projects(settings)):
        return None
    header = sqlite("projects").stored_header(path, project.known_id)
    return header.project_name, header.archived_at


def _in_database(project: Project, settings: Settings) -> tuple[str, datetime | None] | None:
    url, examination = settings.known_database_url, postgresql("examination")
    found = examination.stored_project(url, project.known_id, pooled=settings.pooled)
    return None if found is None else (found.project.name, found.archived_at)
