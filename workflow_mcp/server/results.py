"""The models of structured results, and the messages in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from workflow_mcp.sessions.connections import ROOTS_RETRY_SECONDS
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.client_directories import HEADER
from workflow_mcp.workspace.directories import SET_IT, DirectorySource
from workflow_mcp.workspace.values import Workspace

SOURCES: dict[DirectorySource, str] = {
    "session": "set by set_working_directory",
    "call": "told by the client with this very call",
    "header": f"from the {HEADER} header",
    "option": "from {option}",
    "environment": "from CLAUDE_PROJECT_DIR",
    "roots": "the client's first root",
    "process": "where the server was started",
}
ROOTS_UNANSWERED = (
    "The client declares roots, which take precedence, but did not answer when it was asked for them; "
    f"it is asked again after {ROOTS_RETRY_SECONDS / 60:.0f} minutes."
)


class WorkspaceResult(BaseModel):
    """The session, directory and project of a call."""

    session: str | None = Field(description="Pass this as `session` in later calls; null where none is needed.")
    directory: str | None
    directory_source: DirectorySource | None
    config_path: str | None
    project: Project | None
    message: str


class CacheResult(BaseModel):
    """How often a config was found in the cache."""

    hits: int
    misses: int


class HealthResult(BaseModel):
    """The state of the server, and this call's workspace or the error that there is none."""

    status: Literal["ok", "degraded"] = Field(
        description="degraded: other calls fail; workspace_error or data_error says why and what to do."
    )
    version: str
    pid: int
    started_at: datetime
    uptime_s: float
    protocol: str
    transport: str
    sessions: int | None
    calls: int
    errors: int
    config_cache: CacheResult
    workspace: WorkspaceResult | None
    workspace_error: str | None = Field(description="Why this call has no workspace.")
    data_error: str | None = Field(description="Why no project's data can be used.")


class EndSessionResult(BaseModel):
    """The result of `end_session`."""

    ended: bool
    message: str


def workspace_result(workspace: Workspace, *notes: str) -> WorkspaceResult:
    """The result for a workspace, with notes added to its message."""
    return WorkspaceResult(
        session=workspace.handle,
        directory=workspace.directory,
        directory_source=workspace.directory_source,
        config_path=workspace.config_path,
        project=workspace.project,
        message=" ".join((*_sentences(workspace), *notes)),
    )


def _sentences(workspace: Workspace) -> Iterator[str]:
    if workspace.location is None:
        yield f"No working directory is known. Call {SET_IT}."
        return
    yield f"The directory is {SOURCES[workspace.location.directory.source].format(option=workspace.option)}."
    if workspace.roots_unanswered:
        yield ROOTS_UNANSWERED
    config = workspace.location.config
    if workspace.chosen:
        yield "The project was chosen with switch_project."
    elif config is None:
        yield "No project: there is no .workflow-mcp/config.json here or above; init_project makes one."
    elif workspace.project is None:
        yield "auto_switch is false in the config: choose a project with switch_project."
    if config is not None and config.dry_run:
        yield "dry_run is true: this is what would be chosen, and nothing is changed."


def at(moment: float) -> datetime:
    """The UTC time for seconds since the epoch, rounded to a second."""
    return datetime.fromtimestamp(round(moment), tz=UTC)
