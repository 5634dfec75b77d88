"""From a workspace to its project's data, in a store that is opened when it is first needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from workflow_mcp.errors import Code, ConfigWriteError, ProjectError, ProjectUnknownError
from workflow_mcp.settings import Settings
from workflow_mcp.storage.kinds import store_module
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.joining import Joining, Membership
from workflow_mcp.workspace.values import Location, Workspace

if TYPE_CHECKING:
    from workflow_mcp.storage.observed import Observe
    from workflow_mcp.storage.store import Store

PAUSE = 0.05  # seconds in which an answer gets out


@dataclass(frozen=True, slots=True)
class ProjectData:
    """A project, and the store that its data is in.

    Attributes:
        store: the store that holds it.
        project: the project; it has no id where nobody has worked in it yet and its config has none.
        dry_run_config: the path of the config whose `dry_run` forbids changes; None when changes are allowed.
        note: a warning for the caller; None when there is none.
        evidence_required_by: the path of the config that lets no item be completed without evidence; None without one.
        joined: stores that the caller's repository works in the project; None when the store has that already.
    """

    store: Store
    project: Project
    dry_run_config: str | None = None
    note: str | None = None
    evidence_required_by: str | None = None
    joined: Callable[[], Awaitable[None]] | None = None

    async def changed(self) -> None:
        """Store that the repository works in the project, if it is new: only what changes something joins."""
        if self.joined is not None:
            await self.joined()


class Projects:
    """Finds the data of a workspace's project.

    Args:
        settings: name the data directory or the database.
        threads: run blocking file work.
        observe: is entered while a transaction of the store is waited for; see `observed`.
    """

    def __init__(self, *, settings: Settings, threads: WorkerThreads, observe: Observe | None = None) -> None:
        self._settings = settings
        self._threads = threads
        self._observe = observe
        self._store: Store | None = None
        self._opening = asyncio.Lock()
        self._is_importing = False
        self.joining = Joining(settings=settings, threads=threads)

    async def store(self, principal: str | None = None) -> Store:
        """The store of all projects, in files or in a database; or as a principal reaches it: see `Store.of_member`.

        The first call imports SQLAlchemy and opens it.
        """
        store = await self._opened()
        return store if principal is None else store.of_member(principal)

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._is_importing = True
                module = await self._threads.run(partial(store_module, self._settings))
                self._store = module.store_of(self._settings, threads=self._threads, observe=self._observe)
            return self._store

    def open_soon(self) -> None:
        """Import SQLAlchemy once the present call is answered: where there is a project, its data is wanted next."""
        if not self._is_importing:
            self._is_importing = True
            thread = threading.Thread(target=store_module, args=[self._settings], name="open-soon", daemon=True)
            asyncio.get_running_loop().call_later(PAUSE, thread.start)

    def end_waits(self) -> None:
        """Let no call wait any longer for something to happen in a project."""
        if self._store is not None:
            self._store.end_waits()

    async def aclose(self) -> None:
        """Close the files that are open."""
        if self._store is not None:
            await self._store.aclose()

    async def find(self, id_or_name: str, principal: str | None = None) -> Project:
        """The project with this id or name, with `principal` of those that it is a member of.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        """
        return await (await self.store(principal)).find_project(id_or_name)

    async def choose(self, id_or_name: str, location: Location | None, principal: str | None = None) -> Project:
        """The project with this id or name, for a session that switches to it.

        A project that only the config at `location` names is created; for a principal only where that config has no
        id, since an id may be that of others.

        Raises:
            ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`, or `DRY_RUN` where nothing may be changed.
        """
        configured = _configured_project(location, id_or_name)
        try:
            chosen = await self.find(id_or_name, principal)
        except ProjectUnknownError:
            if configured is None or (principal is not None and configured.id is not None):
                raise
            chosen = configured
        if location is None:
            return chosen
        if location.dry_run_config is not None:
            raise dry_run_error(location.dry_run_config, f"the project {chosen.name} would be chosen")
        return await self._ensured(chosen, location, principal) if chosen is configured else chosen

    async def data_of(self, workspace: Workspace, *, create: bool = False) -> ProjectData:
        """The data of a workspace's project; if the config has no id, of the only project of its name.

        Without `create` nothing is created or written: a project without data can be read, and is empty. With it,
        a config without an id gets the id of the only project of its name, or a new one, unless `dry_run` is set.

        Raises:
            ProjectError: `NO_PROJECT`, `PROJECT_AMBIGUOUS` or `REPOSITORY_UNKNOWN`.
            ConfigError: the config is broken.
        """
        project, location = workspace.project, workspace.location
        if project is None or location is None:
            raise no_project(workspace)
        data_of = partial(self._data, await self.store(workspace.principal), project, location)
        if workspace.chosen:
            return await data_of(create=create)
        if project.id is None and create:
            # Whether it may join comes first: an id that is written into its config is a change.
            named = await data_of(create=False)
            if named.project.id is not None:
                await self.joining.check(named.store, named.project, location)
        return await self._joined(await data_of(create=create), location, create=create)

    async def data_for(
        self, project: Project, location: Location | None, principal: str | None, *, create: bool
    ) -> ProjectData:
        """The data of a project that was chosen; a location's config may forbid to change it, or ask for evidence.

        Raises:
            ProjectError: `REPOSITORY_UNKNOWN`, when the location's config chooses that project.
        """
        if location is None:
            return ProjectData(await self.store(principal), project)
        is_own = location.project is not None and location.project.id == project.id
        workspace = Workspace(None, None, location, project, not is_own, principal=principal)
        return await self.data_of(workspace, create=create)

    async def join(self, location: Location) -> tuple[Project, Membership]:
        """Let the repository of the location's config work in its project; both, and how they stood to each other.

        Raises:
            ProjectError: `NO_PROJECT`, `PROJECT_AMBIGUOUS` or `DRY_RUN`.
        """
        project = location.project
        if project is None:
            raise no_project(Workspace(None, None, location))
        if location.dry_run_config is not None:
            raise dry_run_error(location.dry_run_config, f"the project {project.name} would be joined")
        data = await self._data(await self.store(), project, location, create=True)
        found = await self.joining.membership(data.store, data.project, location)
        await self.joining.add(data.store, data.project, location, found.repository)
        return data.project, found

    async def _joined(self, data: ProjectData, location: Location, *, create: bool) -> ProjectData:
        if data.project.id is None:
            return data
        join = await self.joining.look(data.store, data.project, location, changing=create)
        if join is None:
            return data
        notes = " ".join(note for note in (data.note, join.note) if note)
        joined = partial(self.joining.add, data.store, data.project, location, join.repository)
        return replace(data, note=notes or None, joined=joined)

    async def _data(self, store: Store, project: Project, location: Location, *, create: bool) -> ProjectData:
        if project.id is None and create and location.dry_run_config is None:
            data = await self._with_id(store, project.name, location)
        elif project.id is None:
            data = ProjectData(store, await store.find_project_by_name(project.name) or project)
        else:
            data = ProjectData(store, project)
        evidence = location.evidence_config(data.project)
        return replace(data, dry_run_config=location.dry_run_config, evidence_required_by=evidence)

    async def _ensured(self, project: Project, location: Location, principal: str | None) -> Project:
        data = await self._data(await self.store(principal), project, location, create=True)
        await data.store.ensure(data.project)
        return data.project

    async def _with_id(self, store: Store, name: str, location: Location) -> ProjectData:
        found, path = await store.find_or_create_project(name), location.config_path or ""
        write = partial(_written_id, path, found.known_id, location.directory.root)
        written = await self._threads.run_bounded(location.directory.path, write)
        if written is None:
            note = f"The project's id could not be written into {path}; the project is found by its name."
            return ProjectData(store, found, note=note)
        return ProjectData(store, Project(written, name))


def _configured_project(location: Location | None, id_or_name: str) -> Project | None:
    """The project of the config at a location, if this is its id or name."""
    config = None if location is None else location.config
    if config is None or (id_or_name != config.project.name and id_or_name.lower() != config.project.id):
        return None
    return Project(config.project.id, config.project.name)


def _written_id(config_path: str, project_id: str, within: str | None) -> str | None:
    # What only reads does not wait for what writes configs.
    init = import_module("workflow_mcp.workspace.init")
    try:
        written: str = init.write_project_id(config_path, project_id, within=within)
    except ConfigWriteError:
        return None
    return written


def no_project(workspace: Workspace) -> ProjectError:
    """The error for a call that needs a project when there is none."""
    config = None if workspace.location is None else workspace.location.config
    if config is None:
        return ProjectError(
            Code.NO_PROJECT,
            f"{workspace.directory} is in no project.",
            "call init_project() to make it one, or switch_project(project=...) to work in another.",
        )
    return ProjectError(
        Code.NO_PROJECT,
        f"auto_switch is false in {workspace.config_path}, and this session has chosen no project.",
        f'call switch_project(project="{config.project.id or config.project.name}") or name another.',
    )


def dry_run_error(config_path: str, what: str) -> ProjectError:
    """The error for a call that would change something while `dry_run` is set."""
    return ProjectError(
        Code.DRY_RUN,
        f"dry_run is true in {config_path}: {what}; nothing was changed.",
        "set dry_run to false in that file to really do it.",
    )
