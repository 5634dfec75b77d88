"""Which repositories work in a project, and what to do when another one joins: its id is in every copy of a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from workflow_mcp.errors import Code, ProjectError, shown
from workflow_mcp.settings import Settings
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.lines import cut
from workflow_mcp.work.repositories import Repository, is_same
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.repositories import oldest_commit, repository_of
from workflow_mcp.workspace.values import Location

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store

MAX_PLACE_BYTES = 500


@dataclass(frozen=True, slots=True)
class Membership:
    """How a repository stands to a project.

    Attributes:
        repository: the repository that a config is in.
        others: the repositories that work in the project besides it.
        is_known: whether it is one of them, or the same as one.
        is_stored: whether the store has it.
    """

    repository: Repository
    others: tuple[Repository, ...]
    is_known: bool
    is_stored: bool

    @property
    def is_stranger(self) -> bool:
        """Whether the project is others' so far."""
        return bool(self.others) and not self.is_known


@dataclass(frozen=True, slots=True)
class Join:
    """A repository that is to be stored once it has changed something; `note` tells the caller that it is new."""

    repository: Repository
    note: str | None = None


class Joining:
    """Looks whether a config's repository works in the project that the config names.

    What was found is remembered in this process, so that further calls cost nothing.

    Args:
        settings: say whether a new repository has to be asked for.
        threads: run blocking file work.
    """

    def __init__(self, *, settings: Settings, threads: WorkerThreads) -> None:
        self._settings = settings
        self._threads = threads
        self._stored: set[tuple[str, str | None]] = set()
        self._waiting: dict[tuple[str, str | None], Join] = {}

    async def look(self, store: Store, project: Project, location: Location, *, changing: bool) -> Join | None:
        """What is to be stored and said about the repository; None when it is known.

        Raises:
            ProjectError: `REPOSITORY_UNKNOWN`, where new repositories have to be asked for.
        """
        key = (project.known_id, location.config_path)
        if key in self._stored:
            return None
        waiting = self._waiting.get(key)
        if waiting is not None and not changing:
            return replace(waiting, note=None)
        found = await self.check(store, project, location)
        if found.is_stored:
            self._stored.add(key)
            return None
        is_new = found.is_stranger and waiting is None
        self._waiting[key] = Join(found.repository, _note(found, project, location) if is_new else None)
        return self._waiting[key]

    async def check(self, store: Store, project: Project, location: Location) -> Membership:
        """How the repository of the location's config stands to the project, if it may work in it.

        Raises:
            ProjectError: `REPOSITORY_UNKNOWN`, where new repositories have to be asked for.
        """
        found = await self.membership(store, project, location)
        if found.is_stranger and self._settings.join == "ask":
            raise _unknown(found, project)
        return found

    async def membership(self, store: Store, project: Project, location: Location) -> Membership:
        """How the repository of the location's config stands to the project; changes nothing."""
        work = partial(repository_of, location.config_path or "", location.directory, home=self._settings.home)
        repository = await self._threads.run_bounded(location.directory.path, work)
        known = await store.repositories(project)
        if any(one.place == repository.place for one in known):
            return Membership(repository, _without(known, repository), is_known=True, is_stored=True)
        repository = replace(repository, first_commit=await oldest_commit(repository))
        is_known = any(is_same(repository, one) for one in known)
        return Membership(repository, known, is_known=is_known, is_stored=False)

    async def add(self, store: Store, project: Project, location: Location, repository: Repository) -> None:
        """Store that the repository of the location's config works in the project."""
        await store.add_repository(project, repository)
        key = (project.known_id, location.config_path)
        self._stored.add(key)
        self._waiting.pop(key, None)


def _without(known: Sequence[Repository], repository: Repository) -> tuple[Repository, ...]:
    return tuple(one for one in known if one.place != repository.place)


def places(repositories: Sequence[Repository]) -> str:
    """Where repositories are, in a sentence: the first, and how many more."""
    more = f" and {len(repositories) - 1} more" if len(repositories) > 1 else ""
    return cut(repositories[0].directory, MAX_PLACE_BYTES) + more


def _note(found: Membership, project: Project, location: Location) -> str:
    return (
        f"{cut(found.repository.directory, MAX_PLACE_BYTES)} joined the project {shown(project.name)}, in which "
        f"{places(found.others)} works too. Should they not share it, give {location.config_path} an id of its own."
    )


def _unknown(found: Membership, project: Project) -> ProjectError:
    return ProjectError(
        Code.REPOSITORY_UNKNOWN,
        f"{found.repository.directory} names the project {shown(project.name)}, in which {places(found.others)} works, "
        "and has not joined it; WORKFLOW_MCP_JOIN is ask.",
        "have the user run `workflow-mcp join` there if they are to share it; else give the config an id of its own.",
    )
