"""Making a directory a project: creating its config, or adding the id to one that has none."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from uuid import uuid4

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.config import parse_config
from workflow_mcp.workspace.config_editing import config_bytes, with_project_id
from workflow_mcp.workspace.config_files import is_inside
from workflow_mcp.workspace.config_writing import write_config_file
from workflow_mcp.workspace.directories import Directory
from workflow_mcp.workspace.discovery import candidates, config_path_in
from workflow_mcp.workspace.values import Location
from workflow_mcp.workspace.worktrees import MainCheckout, main_checkout

MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Initialised:
    """The result of `init_project`: the path of the config, and what was done to it."""

    config_path: str
    message: str


def init_project(location: Location, *, name: str | None, home: str, new_id: str | None = None) -> Initialised:
    """Create or complete the config of a location's project; blocking, safe to repeat and to run concurrently.

    A config in the location's repository is completed; else one is made at the nearest git top level,
    or in the directory itself outside of repositories. A git worktree joins the project of its main checkout,
    which gets an id first if it has none, unless another name is asked for.

    Args:
        location: the directory, and the config that applies there.
        name: the project's name, where no config has one.
        home: the home directory.
        new_id: the id of a project that has none yet; default: a new one.

    Raises:
        ConfigError: the config, or the main checkout's, is broken or cannot be written; it is left as it is.
        UsageError: `NAME_INVALID`.
    """
    plan, project_id = _plan(location, name, home), new_id or str(uuid4())
    if plan.joined is not None:
        return _joined(location, plan.path, plan.joined, project_id)
    return _initialised(location, plan.path, Project(project_id, plan.name), plan.note)


def new_project(location: Location, *, name: str | None, home: str) -> str | None:
    """The name of the project that `init_project` would give an id; None where it has one, or nothing would be written.

    Raises:
        WorkflowError: see `init_project`.
    """
    plan = _plan(location, name, home)
    given = plan.joined.config if plan.joined is not None else location.config
    if plan.joined is None and location.config_path != plan.path:
        given = None
    has_one = given is not None and (given.project.id is not None or given.dry_run)
    return None if has_one else plan.name


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which config is to be written, for a project of which name; `joined` when it is that of a main checkout."""

    path: str
    name: str
    joined: MainCheckout | None = None
    note: str = ""


def _plan(location: Location, name: str | None, home: str) -> _Plan:
    if name is not None:
        check_name(name)
    top = project_top(location.directory, home=home)
    path = config_path_in(top)
    if location.config_path is not None and _belongs_to(location.config_path, top):
        path = location.config_path
    wanted = _name_at(location, path) or name
    main = _main_checkout(location, top, path)
    if main is not None and wanted in (None, main.config.project.name):
        return _Plan(path, main.config.project.name, main)
    return _Plan(path, wanted or default_name(top), None, "" if main is None else _other_project(main))


def _main_checkout(location: Location, top: str, path: str) -> MainCheckout | None:
    """The main checkout, if the config at `path` needs an id and belongs to the top level itself."""
    config = location.config if location.config_path == path else None
    if config is not None and (config.project.id is not None or config.dry_run):
        return None
    is_top = os.path.realpath(os.path.dirname(os.path.dirname(path))) == os.path.realpath(top)
    return main_checkout(top, location.directory) if is_top else None


def _name_at(location: Location, path: str) -> str | None:
    return location.config.project.name if location.config is not None and location.config_path == path else None


def _other_project(main: MainCheckout) -> str:
    return f" The main checkout {main.directory} belongs to another project, {shown(main.config.project.name)}."


def _joined(location: Location, path: str, main: MainCheckout, new_id: str) -> Initialised:
    name, known = main.config.project.name, main.config.project.id
    if main.config.dry_run:
        message = f"dry_run is true in {main.config_path}: {path} would join its project {shown(name)}"
        return Initialised(path, f"{message}; nothing was changed.")
    given = known or write_project_id(main.config_path, new_id, within=location.directory.root)
    note = f" It is the project of the main checkout {main.directory}: both share its work items."
    done = _initialised(location, path, Project(given, name), note)
    return done if known else replace(done, message=f"{done.message} An id was written into {main.config_path}.")


def _initialised(location: Location, path: str, project: Project, note: str) -> Initialised:
    steps: list[str] = []
    write_config_file(
        path,
        lambda current: _completed(path, current, project, steps, note),
        within=location.directory.root,
    )
    return Initialised(path, steps[-1])


def write_project_id(config_path: str, project_id: str, *, within: str | None = None) -> str:
    """Write the id into a config that has none; blocking, safe to run concurrently.

    A config that is a link must have its target in `within`.

    Returns:
        The id that the config has now: the given one, or one that another process wrote first.

    Raises:
        ConfigError: the config is broken or cannot be written.
    """
    ids: list[str] = []

    def change(current: bytes | None) -> bytes | None:
        config = parse_config(config_path, current or b"")
        ids.append(config.project.id or project_id)
        return None if config.project.id else with_project_id(config_path, current or b"", project_id)

    write_config_file(config_path, change, within=within)
    return ids[-1]


def project_top(directory: Directory, *, home: str) -> str:
    """The nearest git top level at or above a directory, else the directory itself.

    The home directory, the root and directories outside the allowed root are passed over unless they are
    the directory itself: a config there would not be read.
    """
    start = directory.path if directory.root is None else directory.resolved
    for folder in candidates(start, directory.resolved, home=home, within=directory.root):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
    return start


def _belongs_to(config_path: str, top: str) -> bool:
    holder = os.path.dirname(os.path.dirname(config_path))
    return is_inside(os.path.realpath(holder), os.path.realpath(top))


def _completed(path: str, current: bytes | None, project: Project, steps: list[str], note: str) -> bytes | None:
    if current is None:
        steps.append(f"Created {path} for the project {shown(project.name)}.{note}")
        return config_bytes({"version": "1.0", "project": {"name": project.name, "id": project.id}})
    config = parse_config(path, current)
    if config.project.id is not None:
        steps.append(f"{path} already names the project {shown(config.project.name)}; nothing was changed.")
        return None
    if config.dry_run:
        steps.append(f"dry_run is true in {path}: an id would be written into it; nothing was changed.")
        return None
    # Another process may have made it meanwhile, for a project of another name.
    is_meant = project.name == config.project.name
    steps.append(f"Wrote an id into {path} for the project {shown(config.project.name)}.{note if is_meant else ''}")
    return with_project_id(path, current, project.known_id if is_meant else str(uuid4()))


def check_name(name: str) -> None:
    """Refuse what cannot be a project's name.

    Raises:
        UsageError: `NAME_INVALID`.
    """
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and name.strip()):
        raise UsageError(
            Code.NAME_INVALID,
            f"the project name {shown(name)} is not 1 to {MAX_NAME_LENGTH} printable characters.",
            'call init_project(name="a short name").',
        )


def default_name(directory: str) -> str:
    """A project name made from the directory's name."""
    name = "".join(character if character.isprintable() else " " for character in os.path.basename(directory))
    return name.strip()[:MAX_NAME_LENGTH] or "project"
