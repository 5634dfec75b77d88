"""Finding projects by reading the headers of their files. Blocking."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from workflow_mcp.errors import Code, StoreError, shown
from workflow_mcp.storage.projects.choice import alike, by_name, found_or_refused, id_in, named, only_match, page_of
from workflow_mcp.storage.projects.inventory import Problem
from workflow_mcp.storage.sqlite.connections import Header, last_directory, read_header
from workflow_mcp.storage.sqlite.faults import store_errors
from workflow_mcp.storage.sqlite.files import check_owner, make_folder, prepare
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.locks import file_lock
from workflow_mcp.storage.sqlite.paths import FOLDER, SUFFIX, TRASH, path_of
from workflow_mcp.storage.sqlite.trash import absent, copy_of, deleted, deleted_named
from workflow_mcp.work.members import Role
from workflow_mcp.work.results import ProjectPage
from workflow_mcp.work.values import Project

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The projects whose files could be read, ordered by name, and an error for each file that could not.

    Attributes:
        projects: those that could be read.
        problems: those that could not; deleted ones are none.
        archived_at: by id, when those that are archived were.
        roles: see `ProjectPage`.
    """

    projects: tuple[Project, ...]
    problems: tuple[Problem, ...]
    archived_at: Mapping[str, datetime] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)


def read_projects(data_dir: Path, known: KnownProjects, member: str | None = None) -> Found:
    """All projects of a data directory, also those whose file is gone; with `member` only this principal's.

    Whose a project is whose file cannot be read, nobody can tell: for a principal there is none.

    Raises:
        StoreError: the folder is there but cannot be read.
    """
    projects: list[Project] = []
    problems: list[Problem] = []
    archived_at: dict[str, datetime] = {}
    roles: dict[str, Role] = {}
    ids, names = _ids(data_dir), known.names()
    for project_id in sorted({*ids, *names}):
        path, name = path_of(data_dir, project_id), names.get(project_id)
        try:
            if project_id not in ids:
                raise _absent(path, name or project_id)
            header = stored_header(path, project_id, member)
        except StoreError as error:
            if error.code != Code.PROJECT_DELETED:
                problems.append(Problem(project_id, name, error))
            continue
        if member is not None and header.role is None:
            continue
        projects.append(Project(project_id, header.project_name or ""))
        if header.archived_at is not None:
            archived_at[project_id] = header.archived_at
        if header.role is not None:
            roles[project_id] = header.role
    return Found(tuple(sorted(projects, key=by_name)), tuple(problems) if member is None else (), archived_at, roles)


def list_projects(
    data_dir: Path,
    known: KnownProjects,
    *,
    text: str | None,
    limit: int,
    cursor: str | None,
    archived: bool,
    member: str | None = None,
) -> ProjectPage:
    """A page of the projects whose name contains `text`, ignoring case; without `archived` not of those that are.

    With `member` as if there were only this principal's.

    Raises:
        UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        StoreError: see `read_projects`.
    """
    found = read_projects(data_dir, known, member)
    page = page_of(found.projects, found.archived_at, text=text, limit=limit, cursor=cursor, archived=archived)
    problems = () if cursor else tuple(str(problem.error) for problem in found.problems)
    ids = alike(found.projects, page.projects)
    return replace(page, problems=problems, directories=_directories(data_dir, ids), roles=found.roles)


def _directories(data_dir: Path, ids: Iterable[str]) -> dict[str, str]:
    """Where projects were last changed from, by id."""
    directories = {project_id: _last_directory(path_of(data_dir, project_id)) for project_id in ids}
    return {project_id: directory for project_id, directory in directories.items() if directory is not None}


def _last_directory(path: str) -> str | None:
    with store_errors(path):
        return last_directory(path)


def find_project(data_dir: Path, known: KnownProjects, id_or_name: str, member: str | None = None) -> Project:
    """The project with this id, else the one with exactly this name; with `member` of those of this principal.

    Raises:
        ProjectError: `PROJECT_UNKNOWN` or `PROJECT_AMBIGUOUS`.
        StoreError: it has a file that cannot be used or is gone, or `PROJECT_DELETED`; or see `read_projects`.
    """
    found = _with_id(data_dir, known, id_or_name, member) or find_by_name(data_dir, known, id_or_name, member)
    return found_or_refused(found, id_or_name, member)


def _with_id(data_dir: Path, known: KnownProjects, id_or_name: str, member: str | None) -> Project | None:
    # Reads only that project's file: a session that chose its project gets here on every call.
    project_id = id_in(id_or_name)
    if project_id is None:
        return None
    if member is not None:
        header = _header_for(data_dir, project_id, member)
        return None if header is None else Project(project_id, header.project_name or "")
    path = path_of(data_dir, project_id)
    if os.path.exists(path):
        return Project(project_id, stored_header(path, project_id).project_name or "")
    with store_errors(path):
        has_had_one = known.knows(project_id) or copy_of(path) is not None
    if has_had_one:
        raise _absent(path, known.names().get(project_id, project_id))
    return None


def _absent(path: str, name: str) -> StoreError:
    with store_errors(path):
        return absent(path, name)


def role_of(data_dir: Path, project_id: str, principal: str) -> Role | None:
    """What the principal may do in the project; None where there is no such project or its file cannot be used."""
    header = _header_for(data_dir, project_id, principal)
    return None if header is None else header.role


def _header_for(data_dir: Path, project_id: str, member: str) -> Header | None:
    """The header of the project's file; None where this principal is no member."""
    try:
        path = path_of(data_dir, project_id)
        header = stored_header(path, project_id, member) if os.path.exists(path) else None
    except StoreError as error:
        # It may be others', who alone may know what is wrong with it.
        logger.warning("the members of %s cannot be read: %s", project_id, error)
        return None
    return None if header is None or header.role is None else header


def find_by_name(data_dir: Path, known: KnownProjects, name: str, member: str | None = None) -> Project | None:
    """The only project of this name, with `member` of those of this principal; None when there is none.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: the project known by this name has a file that cannot be used or is gone, or `PROJECT_DELETED`; or
            see `read_projects`.
    """
    return _by_this_name(data_dir, read_projects(data_dir, known, member), name, member)


def _by_this_name(data_dir: Path, found: Found, name: str, member: str | None) -> Project | None:
    matching = named(found.projects, name)
    if matching:
        return only_match(matching)
    if member is not None:
        return None
    for problem in found.problems:
        if problem.name == name:
            raise problem.error
    with store_errors(str(data_dir / TRASH)):
        copy = deleted_named(data_dir, name)
    if copy is not None:
        raise deleted(copy)
    return None


def find_or_create(data_dir: Path, known: KnownProjects, name: str, now: datetime, admin: str | None = None) -> Project:
    """The only project of this name, else a new one; concurrent calls, also of other processes, create only one.

    With `admin` it is found among those of this principal, who becomes the admin of a new one.

    Raises:
        ProjectError: `PROJECT_AMBIGUOUS`.
        StoreError: see `prepare` and `read_projects`.
    """
    folder = str(data_dir / FOLDER)
    with store_errors(folder):
        make_folder(folder)
        with file_lock(os.path.join(folder, ".names.lock"), of=folder):
            return _find_or_create(data_dir, known, name, now, admin)


def _find_or_create(data_dir: Path, known: KnownProjects, name: str, now: datetime, admin: str | None) -> Project:
    all_there_are = read_projects(data_dir, known, admin)
    found = _by_this_name(data_dir, all_there_are, name, admin)
    if found is not None:
        return found
    for problem in all_there_are.problems:
        if problem.name is None:
            raise _may_be_meant(problem, name)
    return create(data_dir, known, name, now, admin)


def create(data_dir: Path, known: KnownProjects, name: str, now: datetime, admin: str | None) -> Project:
    """A new project, which has this principal as its admin, if there is one.

    Raises:
        StoreError: see `prepare`.
    """
    made = Project(str(uuid4()), name)
    prepare(path_of(data_dir, made.known_id), made, now, known, admin=admin)
    return made


def _may_be_meant(problem: Problem, name: str) -> StoreError:
    # A second project of the name would part its work for good.
    return StoreError(
        problem.error.code,
        f"{problem.error.message} It may be the project {shown(name)}, so no new one was made.",
        "mend that file; if it is another project's, give this config an id of its own with init_project().",
    )


def _ids(data_dir: Path) -> list[str]:
    folder = str(data_dir / FOLDER)
    with store_errors(folder):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def stored_header(path: str, project_id: str, member: str | None = None) -> Header:
    """What the file at a path says of the project, whose it must be, and of a member.

    Raises:
        StoreError: it cannot be read, or see `check_owner`.
    """
    with store_errors(path):
        header = read_header(path, member)
    check_owner(path, header, project_id)
    return header
