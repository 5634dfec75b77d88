"""Taking the inventory of a data directory. Blocking."""

from __future__ import annotations

import contextlib
from functools import partial

from workflow_mcp.errors import StoreError
from workflow_mcp.settings import Settings
from workflow_mcp.storage.projects.inventory import Entry, Inventory, Problem
from workflow_mcp.storage.sqlite.connections import header_of
from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, store_errors
from workflow_mcp.storage.sqlite.files import check_owner, is_there
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import open_without_log
from workflow_mcp.storage.sqlite.opening import open_file
from workflow_mcp.storage.sqlite.paths import TRASH, path_of
from workflow_mcp.storage.sqlite.projects import read_projects, stored_header
from workflow_mcp.storage.sqlite.trash import DeletedCopy, deleted_projects, name_in
from workflow_mcp.storage.types import from_micros
from workflow_mcp.work.values import Project

_FACTS = (
    "SELECT (SELECT count(*) FROM items), at, directory "
    "FROM projects LEFT JOIN (SELECT at, directory FROM events ORDER BY id DESC LIMIT 1) ON 1 = 1 LIMIT 1"
)


def inventory_of(settings: Settings) -> Inventory:
    """All there is in the data directory that the settings name; a damaged file hides no other.

    Raises:
        StoreError: a folder is there but cannot be read.
    """
    data_dir = settings.data_dir
    found = read_projects(data_dir, KnownProjects(data_dir, settings.state_dir))
    with store_errors(str(data_dir / TRASH)):
        copies = deleted_projects(data_dir)
    sources: list[tuple[Project, str, DeletedCopy | None]] = [
        *((one, path_of(data_dir, one.known_id), None) for one in found.projects),
        *((Project(copy.project_id, name_in(copy)), copy.file, copy) for copy in copies),
    ]
    entries, problems = [], list(found.problems)
    for project, file, copy in sources:
        try:
            entries.append(_entry(project, file, copy))
        except StoreError as error:
            problems.append(Problem(project.known_id, project.name, error))
    return Inventory(tuple(entries), tuple(problems))


def stored_project(settings: Settings, project: Project) -> Entry | None:
    """A project as it is stored; None when nobody has worked in it yet.

    Raises:
        StoreError: its file cannot be used.
        ProjectError: `PROJECT_DELETED`.
    """
    path = path_of(settings.data_dir, project.known_id)
    if not is_there(path, project, KnownProjects(settings.data_dir, settings.state_dir)):
        return None
    name = stored_header(path, project.known_id).project_name
    return _entry(Project(project.id, name or project.name), path, None)


def _entry(project: Project, file: str, copy: DeletedCopy | None) -> Entry:
    opened = partial(open_file, file, wait=BUSY_TIMEOUT) if copy is None else partial(open_without_log, file)
    with store_errors(file), contextlib.closing(opened()) as raw:
        header = header_of(raw)
        check_owner(file, header, project.known_id)
        items, changed_at, directory = raw.execute(_FACTS).fetchone()
    changed_at = None if changed_at is None else from_micros(changed_at)
    deleted_at = None if copy is None else copy.deleted_at
    return Entry(project, file, items, changed_at, directory, header.archived_at, deleted_at)
