"""The one resolver: it finds the workspace of a call for tools, resources, health checks and the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from workflow_mcp.errors import Code, DirectoryError, ProjectError, SessionError, shown
from workflow_mcp.session_context import SessionContext, SessionContextManager
from workflow_mcp.sessions.caller import Caller, session_key
from workflow_mcp.settings import Settings
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.client_directories import HEADER, directory_from_headers, directory_from_roots
from workflow_mcp.workspace.directories import SET_IT, DirectorySource, process_directory
from workflow_mcp.workspace.locator import Locator
from workflow_mcp.workspace.values import Call, Location, NamedDirectory, Workspace

UNASKED_ROOTS = (
    ", and one of several copies of a server cannot ask a client of the handshake era for its roots, which this one has"
)


class Resolver:
    """Resolves calls to workspaces.

    Args:
        sessions: the sessions.
        locator: finds the locations of directories.
        settings: name the directories that the launcher gave.
        find_project: finds the project with an id that a session chose, or that the config of a principal names.
    """

    def __init__(
        self,
        *,
        sessions: SessionContextManager,
        locator: Locator,
        settings: Settings,
        find_project: Callable[[str, str | None], Awaitable[Project]],
    ) -> None:
        self._sessions = sessions
        self._locator = locator
        self._settings = settings
        self._find_project = find_project

    async def resolve(self, call: Call, *, choice: bool = True) -> Workspace:
        """The call's workspace; its location is None when no row of table 2 applies.

        Without `choice`, the project is the config's even if the session chose another, and need not be one that the
        principal is a member of.

        Raises:
            SessionError: `SESSION_UNKNOWN`, for a handle that is not this caller's, or `SESSION_UNREADABLE`.
            DirectoryError: the first directory that applies cannot be used; later ones are not tried. Or
                `ROOTS_UNANSWERED`, for a client that does not answer when no later row applies.
            ConfigError: the config that applies cannot be used.
            ProjectError: `PROJECT_UNKNOWN` or `STRICT_MODE`, for the project that the session chose; the former also
                for that of a config, when there is a principal and it is not a member.
        """
        session = await self.session(call.caller)
        named = await self._directory(call, session)
        location = None if named is None else await self.locate(named.path, named.source)
        project = None if location is None else location.project
        chosen, principal = chosen_project(session) if choice else None, call.caller.principal
        if chosen is not None:
            check_choice(location, chosen)
            project = await self._find_project(chosen, principal)
        elif choice:
            await self.admit(project, principal)
        unanswered = named is not None and named.roots_unanswered
        return Workspace(
            session_key(call.caller), call.caller.handle, location, project, chosen is not None, unanswered,
            option=self._settings.directory_option, principal=principal,
        )  # fmt: skip

    async def admit(self, project: Project | None, principal: str | None) -> None:
        """Check that a principal is a member of the project that a config names; one without an id is to be found yet.

        Raises:
            ProjectError: `PROJECT_UNKNOWN`, the same whether there is such a project or not.
        """
        if principal is not None and project is not None and project.id is not None:
            await self._find_project(project.id, principal)

    async def require(self, call: Call, *, choice: bool = True) -> Workspace:
        """The call's workspace, which has a location.

        Raises:
            SessionError: `NO_SESSION`, over HTTP, when nothing says which directory the client works in.
            DirectoryError: `NO_DIRECTORY`, the same elsewhere.
            WorkflowError: see `resolve`.
        """
        workspace = await self.resolve(call, choice=choice)
        if workspace.location is None:
            raise missing_directory(call.caller, workspace.session_key)
        return workspace

    async def session(self, caller: Caller) -> SessionContext | None:
        """The caller's session, with `last_used` updated; None when nothing was set in it yet.

        Raises:
            SessionError: `SESSION_UNKNOWN`, the same for unknown, expired, foreign and malformed handles;
                `SESSION_UNREADABLE`, when its entry in the store is damaged.
        """
        key = session_key(caller)
        session = None if key is None else await self._sessions.get_session(key)
        if session is None and caller.handle is not None:
            raise SessionError(
                Code.SESSION_UNKNOWN,
                "this session handle is unknown here, has expired, or belongs to another client.",
                f"call {SET_IT} without session and pass the session it returns.",
            )
        if session is not None:
            await self._sessions.touch(session)
        return session

    async def locate(self, given: str, source: DirectorySource) -> Location:
        """The location of a directory.

        Raises:
            DirectoryError: the directory cannot be used.
            ConfigError: the config that applies there cannot be used.
        """
        return await self._locator.locate(given, source)

    async def _directory(self, call: Call, session: SessionContext | None) -> NamedDirectory | None:
        if session is not None and session.working_directory is not None:
            return NamedDirectory(session.working_directory, "session")
        if (named := self._said_with(call)) is not None:
            return named
        roots = await call.roots()
        if (root := directory_from_roots(roots or ())) is not None:
            return NamedDirectory(root, "roots")
        launched = self._launched_in() if call.caller.transport == "stdio" else None
        if roots is not None:
            return launched
        if launched is None:
            raise _roots_unanswered()
        return replace(launched, roots_unanswered=True)

    def _said_with(self, call: Call) -> NamedDirectory | None:
        if call.directory is not None:
            return NamedDirectory(call.directory, "call")
        if call.caller.is_http and (header := directory_from_headers(call.headers)) is not None:
            return NamedDirectory(header, "header")
        if call.caller.transport == "stdio" and self._settings.directory:
            return NamedDirectory(self._settings.directory, "option")
        return None

    def _launched_in(self) -> NamedDirectory | None:
        if self._settings.claude_project_dir:
            return NamedDirectory(self._settings.claude_project_dir, "environment")
        own = process_directory(
            self._settings.process_directory,
            home=self._settings.home,
            plugin_folders=self._settings.plugin_folders,
        )
        return None if own is None else NamedDirectory(own, "process")


def _roots_unanswered() -> DirectoryError:
    return DirectoryError(
        Code.ROOTS_UNANSWERED,
        "the client declares roots but did not answer when it was asked for them.",
        f"call {SET_IT}.",
    )


def chosen_project(session: SessionContext | None) -> str | None:
    """The id of the project that the session chose; None when it chose none."""
    return None if session is None or session.config_path is not None else session.project_id


def check_choice(location: Location | None, project_id: str) -> None:
    """Check that the config at a location allows a session to choose this project.

    Raises:
        ProjectError: `STRICT_MODE`.
    """
    config = None if location is None else location.config
    if config is not None and config.strict_mode and config.project.id != project_id:
        raise ProjectError(
            Code.STRICT_MODE,
            f"strict_mode is true in {location.config_path if location else None}: only its own project "
            f"{shown(config.project.name)} may be used here, not {project_id}.",
            'call switch_project(project="") to go back to it.',
        )


def missing_directory(caller: Caller, key: str | None) -> DirectoryError | SessionError:
    """The error for a call that needs a directory when none is known: NO_SESSION over HTTP, else NO_DIRECTORY."""
    if not caller.is_http:
        return DirectoryError(
            Code.NO_DIRECTORY,
            "no working directory is known for this session.",
            f"call {SET_IT}, then repeat this call.",
        )
    if key is None:
        what = "nothing identifies this client from one call to the next, and the call names no session or directory."
        then = f"call {SET_IT} and pass the session it returns in every call, or send the {HEADER} header."
    else:
        what = f"this session has no working directory yet{UNASKED_ROOTS if caller.has_unasked_roots else ''}."
        then = f"call {SET_IT}, then repeat this call, or send the {HEADER} header."
    return SessionError(Code.NO_SESSION, what, then)
