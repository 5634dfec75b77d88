"""The board of one server: its services while it runs, who may see which projects, and the work in one of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflow_mcp.app import Services
from workflow_mcp.board.access import Access, Viewer
from workflow_mcp.board.recent import Recent, Together
from workflow_mcp.board.watching import Watches
from workflow_mcp.errors import Code, DirectoryError, ProjectUnknownError, StoreError, shown
from workflow_mcp.sessions.principals import Principal
from workflow_mcp.work.members import allows
from workflow_mcp.work.values import Actor, Project
from workflow_mcp.workspace.values import Location
from workflow_mcp.workspace.work_items import WorkItems

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store
    from workflow_mcp.work.results import ProjectPage

MAX_PROJECTS = 200
KNOWN_SECONDS = 2.0
MAX_KNOWN = 500


@dataclass(frozen=True, slots=True)
class VisibleProject:
    """A project that somebody may see."""

    project: Project
    archived: bool = False
    may_write: bool = True


@dataclass(slots=True)
class Site:
    """What the board's requests share.

    Attributes:
        access: who may look.
        principal_of: the principal of a bearer token, None for an unknown one; None where the server has no tokens.
        has_token: whether a principal still has a token, if that ends by being removed.
        makes_keys: whether programs can get a key over HTTP.
        watches: what tells open boards of changes.
        recent: what was just answered.
        looks: at what a project's history ends with.
    """

    access: Access = field(default_factory=Access)
    principal_of: Callable[[str], Awaitable[Principal | None]] | None = None
    has_token: Callable[[str], bool] = field(default=lambda _name: True)
    makes_keys: bool = True
    watches: Watches = field(default_factory=Watches)
    recent: Recent = field(default_factory=lambda: Recent(time.monotonic))
    looks: Together[int] = field(default_factory=Together)
    _services: Services | None = None
    # What projects are called; whether they are there, and who may see them, each transaction looks up itself.
    _known: dict[tuple[str | None, str], tuple[float, Project]] = field(default_factory=dict)

    def open(self, services: Services) -> None:
        """Use these services from now on; keys and cookies are where all servers look that answer as one."""
        self._services = services
        if services.shared is not None:
            self.access = Access(services.shared)

    @property
    def services(self) -> Services:
        """The services of the running server.

        Raises:
            StoreError: `STORE_CLOSED`, before it has started.
        """
        if self._services is None:
            raise StoreError(Code.STORE_CLOSED, "the server is starting.", "reload the page.")
        return self._services

    async def store(self, viewer: Viewer | None = None) -> Store:
        """The store of all projects, or as a viewer reaches it."""
        return await self.services.projects.store(None if viewer is None else viewer.principal)

    async def viewer(self, cookie: str | None) -> Viewer | None:
        """Who has this cookie; None when nobody has, or it is somebody whose token was withdrawn."""
        viewer = None if cookie is None else await self.access.viewer(cookie)
        return viewer if viewer is not None and self.may_look(viewer) else None

    def may_look(self, viewer: Viewer) -> bool:
        """Whether the token is still good that a viewer's cookie was given for, where there are tokens."""
        if viewer.principal is None:
            return True
        return self.has_token(viewer.principal) if viewer.until is None else not self.access.has_ended(viewer)

    async def projects(self, viewer: Viewer) -> list[VisibleProject]:
        """The projects that a viewer may see; their own is first, also where nobody has worked in it yet."""
        store = await self.store(viewer)
        page = await store.list_projects(limit=MAX_PROJECTS, archived=True)
        listed = [_visible(one, page, principal=viewer.principal) for one in page.projects]
        own = [one for one in listed if one.project.id == viewer.project]
        if not own and viewer.project is not None and viewer.principal is None:
            own = [VisibleProject(await self.project(viewer, viewer.project))]
        others = [] if viewer.only else [one for one in listed if one.project.id != viewer.project]
        return [*own, *others]

    async def project(self, viewer: Viewer, project_id: str) -> Project:
        """A project that a viewer may see.

        Raises:
            ProjectError: `PROJECT_UNKNOWN`; one that they may not see gives the same error.
        """
        if viewer.only and project_id != viewer.project:
            raise _unknown(project_id)
        known = self._known.get((viewer.principal, project_id))
        if known is not None and time.monotonic() - known[0] < KNOWN_SECONDS:
            return known[1]
        try:
            found = await self.services.projects.find(project_id, viewer.principal)
        except ProjectUnknownError:
            if project_id != viewer.project or viewer.principal is not None:
                raise
            return Project(project_id, viewer.project_name or project_id)
        if found.id != project_id:  # it was a name
            raise _unknown(project_id)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[viewer.principal, project_id] = time.monotonic(), found
        return found

    async def work(self, viewer: Viewer, project_id: str, *, changing: bool) -> WorkItems:
        """The work of a project that a viewer may see, which they change under the rules of its config.

        Raises:
            WorkflowError: see `project`; or the config cannot be used, when the project is to be changed.
        """
        project = await self.project(viewer, project_id)
        directory = viewer.directory if project.id == viewer.project else None
        location = await self._location(viewer, project, directory) if changing else None
        data = await self.services.projects.data_for(project, location, viewer.principal, create=changing)
        return WorkItems(data, Actor(viewer.actor, directory or ""))

    async def _location(self, viewer: Viewer, project: Project, directory: str | None) -> Location | None:
        """Where the project's config is: in the viewer's own directory, or the last that is there of those it knows."""
        locate = self.services.resolver.locate
        if directory is not None:
            return await locate(directory, "header")
        for known in await (await self.store(viewer)).directories(project):
            with suppress(DirectoryError):  # it is gone, or this server may not look there
                location = await locate(known, "header")
                if location.names(project):
                    return location
        return None


def _visible(project: Project, page: ProjectPage, *, principal: str | None) -> VisibleProject:
    may_write = principal is None or allows(page.roles[project.known_id], "write")
    return VisibleProject(project, project.id in page.archived, may_write)


def _unknown(project_id: str) -> ProjectUnknownError:
    return ProjectUnknownError(
        Code.PROJECT_UNKNOWN, f"there is no project {shown(project_id)}.", "choose another project."
    )
