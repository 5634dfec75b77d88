"""The resolver's input, a call, and its result, a workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflow_mcp.work.values import Project
from workflow_mcp.workspace.config import Config
from workflow_mcp.workspace.directories import Directory, DirectorySource

if TYPE_CHECKING:
    from workflow_mcp.sessions.caller import Caller


async def no_roots() -> Sequence[str]:
    """The roots of a client that has none."""
    return ()


@dataclass(frozen=True, slots=True)
class Call:
    """The facts of one call.

    Attributes:
        caller: whose call it is.
        directory: what the client says with this very call that it works in.
        earlier: the actors of conversations that the same Claude Code process had before.
        headers: the values of `X-Workflow-Directory`, over HTTP.
        roots: asks the client for the URIs of its roots; only awaited when no earlier row of table 2 applies.
            Returns None when a client that declares roots does not answer.
    """

    caller: Caller
    directory: str | None = None
    earlier: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    roots: Callable[[], Awaitable[Sequence[str] | None]] = no_roots


@dataclass(frozen=True, slots=True)
class NamedDirectory:
    """A directory that has not been checked yet, and the row of table 2 that it came from."""

    path: str
    source: DirectorySource
    roots_unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """A usable directory and the config that applies there."""

    directory: Directory
    config_path: str | None = None
    config: Config | None = None

    @property
    def project(self) -> Project | None:
        """The project that the config chooses; None when it leaves the choice to the session."""
        if self.config is None or not self.config.auto_switch:
            return None
        return Project(self.config.project.id, self.config.project.name)

    @property
    def dry_run_config(self) -> str | None:
        """The path of the config whose `dry_run` forbids changes; None when they are allowed."""
        return self.config_path if self.config is not None and self.config.dry_run else None

    def evidence_config(self, project: Project) -> str | None:
        """The path of the config, if it is this project's and its `require_evidence` is set."""
        requires = self.config is not None and self.config.require_evidence
        return self.config_path if requires and self.names(project) else None

    def names(self, project: Project) -> bool:
        """Whether the config is this project's."""
        if self.config is None:
            return False
        named = self.config.project
        return project.name == named.name if named.id is None else project.id == named.id


@dataclass(frozen=True, slots=True)
class Workspace:
    """The resolved answer for one call.

    Attributes:
        session_key: what the session is stored under; None when nothing identifies the caller.
        handle: the handle the client passed or was given.
        location: the directory, where it came from, and its config; None when no directory is known.
        project: the project the call works in.
        chosen: whether the session chose that project with switch_project, rather than the config.
        roots_unanswered: whether the client did not answer for its roots, so that a later row of table 2 was used.
        option: what gives this server a directory of its own: `--directory` or `WORKFLOW_MCP_DIRECTORY`.
        principal: whose call it is, who reaches only the projects that it is a member of; None without authentication.
    """

    session_key: str | None
    handle: str | None = None
    location: Location | None = None
    project: Project | None = None
    chosen: bool = False
    roots_unanswered: bool = False
    option: str | None = None
    principal: str | None = None

    @property
    def directory(self) -> str | None:
        """The working directory, absolute."""
        return None if self.location is None else self.location.directory.path

    @property
    def directory_source(self) -> DirectorySource | None:
        """Which row of table 2 the directory came from."""
        return None if self.location is None else self.location.directory.source

    @property
    def known_location(self) -> Location:
        """The location of a workspace that was required to have one.

        Raises:
            ValueError: it has none.
        """
        if self.location is None:
            raise ValueError("this workspace has no location")
        return self.location

    @property
    def config_path(self) -> str | None:
        """The path of the config that applies."""
        return None if self.location is None else self.location.config_path
