"""The steps of `workflow-mcp doctor` about how the store knows a project."""

from __future__ import annotations

from collections.abc import Iterator

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.joining import about_repositories
from workflow_mcp.cli.steps import Step
from workflow_mcp.errors import WorkflowError, shown
from workflow_mcp.settings import Settings
from workflow_mcp.storage.kinds import inventory_module
from workflow_mcp.storage.projects.inventory import Entry
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
    found: Entry | None = inventory_module(settings).stored_project(settings, project)
    if found is None:
        return
    if found.project.name != project.name:
        yield (
            f"lists name it {shown(found.project.name)}, its config {shown(project.name)}: edit project.name there, "
            f"or run `workflow-mcp projects rename {project.id} NAME`"
        )
    if found.archived_at is not None:
        yield f"it is archived: lists leave it out; `workflow-mcp projects restore {project.id}` ends that"
