"""Finding projects by reading the headers of their files. Blocking."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from filelock import FileLock, Timeout

from workflow_mcp.errors import Code, ProjectError, ProjectUnknownError, StoreError, shown
from workflow_mcp.storage.sqlite.connections import BUSY_TIMEOUT, last_directory, read_header
from workflow_mcp.storage.sqlite.faults import store_error, store_errors
from workflow_mcp.storage.sqlite.files import PRIVATE_FILE, check_owner, make_folder, prepare
from workflow_mcp.storage.sqlite.paths import FOLDER, SUFFIX, path_of
from workflow_mcp.work.cursors import make_cursor, read_cursor
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.validation import check_limit
from workflow_mcp.work.values import Project

MAX_SHOWN_PROJECTS = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The projects whose files could be read, ordered by name, and an error for each file that could not."""

    projects: tuple[Project, ...]
    problems: tuple[str, ...]


def read_projects(data_dir: Path) -> Found:
    """All projects of a data directory.

    Raises:
        StoreError: the folder is there but cannot be read.
    """
    projects: list[Project] = []
    problems: list[str] = []
    for project_id in _ids(data_dir):
        try:
            projects.append(_read(path_of(data_dir, project_id), project_id))
        except StoreError as error:
            problems.append(str(error))
    return Found(tuple(sorted(projects, key=_by_name)), tuple(problems))


def list_projects(data_dir: Path, *, text: str | None, limit: int, cursor: str | None) -> ProjectPage:
    """A page of the projects whose name contains `text`, ignoring case.

    Raises:
        UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        StoreError: see `read_projects`.
    """
    check_limit(limit)
    found = read_projects(data_dir)
    subject = ["projects", text]
    after = tuple(read_cursor(subject, cursor, [str, str, str])) if cursor else None
    matching = [one for one in found.projects if not text or text.casefold() in one.name.casefold()]
    rest = [one for one in matching if after is None or _by_name(one) > after]
    following = make_cursor(subject, _by_name(rest[limit - 1])) if len(rest) > limit else None
    problems = found.problems if cursor is None else ()
    return ProjectPage(tuple(rest[:limit]), following, problems, _directories(data_dir, found.projects, rest[:limit]))


def _directories(data_dir: Path, known: Sequence[Project], page: Sequence[Project]) -> dict[str, str]:
    """Where the projects of a page that share their name with another were last changed from, by id."""
    names = Counter(one.name for one in known)
    shared = [one.known_id for one in page if names[one.name] > 1]
    directories = {project_id: _last_directory(path_of(data_dir, project_id)) for project_id in shared}
    return {project_id: directory for project_id, directory in directories.items() if directory is not None}


def _last_directory(path: str) -> str | None:
    with store_errors(path):
        return last_directory(path)


def find_project(data_dir: Path, id_or_name: str) -> Project:
    """The project with this id, else the one with exactly this name.

    Raises:
        ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        StoreError: see `read_projects`.
    """
    matching = _with_id(data_dir, id_or_name) or named(read_projects(data_dir).projects, id_or_name)
    if not matching:
        raise ProjectUnknownError(
            Code.PROJECT_UNKNOWN,
            f"there is no project {shown(id_or_name)}.",
            "call list_projects() for those there are.",
        )
    return only_match(matching)


def _with_id(data_dir: Path, id_or_name: str) -> list[Project]:
    # Reads only that project's file: a session that chose its project gets here on every call.
    try:
        project_id = str(UUID(id_or_name))
    except ValueError:
        return []
    path = path_of(data_dir, project_id)
    return [_read(path, project_id)] if os.path.exists(path) else []


def find_by_name(data_dir: Path, name: str) -> Project | None:
    """The only project of this name; None when there is none.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: see `read_projects`.
    """
    matching = named(read_projects(data_dir).projects, name)
    return only_match(matching) if matching else None


def find_or_create(data_dir: Path, name: str, now: datetime) -> Project:
    """The only project of this name, else a new one; concurrent calls, also of other processes, create only one.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: see `prepare` and `read_projects`.
    """
    folder = str(data_dir / FOLDER)
    with store_errors(folder):
        make_folder(folder)
        try:
            with FileLock(os.path.join(folder, ".names.lock"), timeout=BUSY_TIMEOUT, mode=PRIVATE_FILE):
                return _find_or_create(data_dir, name, now)
        except Timeout as error:
            raise store_error(folder, "busy", error) from error


def _find_or_create(data_dir: Path, name: str, now: datetime) -> Project:
    found = find_by_name(data_dir, name)
    if found is not None:
        return found
    created = Project(str(uuid4()), name)
    prepare(path_of(data_dir, created.known_id), created, now)
    return created


def named(projects: Sequence[Project], name: str) -> list[Project]:
    """Those of the projects that have exactly this name."""
    return [one for one in projects if one.name == name]


def only_match(matching: Sequence[Project]) -> Project:
    """The only one of some projects with the same name.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
    """
    if len(matching) > 1:
        ids = ", ".join(one.known_id for one in matching[:MAX_SHOWN_PROJECTS])
        raise ProjectError(
            Code.PROJECT_AMBIGUOUS,
            f"{len(matching)} projects are named {shown(matching[0].name)}: {ids}.",
            "name the one that is meant by its id: as project.id in the config, or switch_project(project=<id>).",
        )
    return matching[0]


def _ids(data_dir: Path) -> list[str]:
    folder = str(data_dir / FOLDER)
    with store_errors(folder):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def _read(path: str, project_id: str) -> Project:
    with store_errors(path):
        header = read_header(path)
    check_owner(path, header, project_id)
    return Project(project_id, header.project_name or "")


def _by_name(project: Project) -> tuple[str, str, str]:
    return project.name.casefold(), project.name, project.known_id
