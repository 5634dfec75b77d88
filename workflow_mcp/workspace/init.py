"""Making a directory a project: creating its config, or writing the id into one that has none."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.workspace.config import parse_config, parse_object
from workflow_mcp.workspace.config_files import is_inside
from workflow_mcp.workspace.config_writing import write_config_file
from workflow_mcp.workspace.directories import Directory
from workflow_mcp.workspace.discovery import candidates, config_path_in
from workflow_mcp.workspace.values import Location

MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `init_project` did: the config, and one sentence about it."""

    config_path: str
    message: str


def init_project(location: Location, *, name: str | None, home: str) -> Initialised:
    """Create or complete the config of the project that a location belongs to; blocking, safe to repeat and to race.

    A config in the location's repository is completed; else one is made at the nearest git top level,
    or in the directory itself outside of repositories.

    Raises:
        ConfigError: the config is broken or cannot be written; it is left as it is.
        UsageError: `NAME_INVALID`.
    """
    if name is not None:
        _check_name(name)
    top = project_top(location.directory, home=home)
    path = config_path_in(top)
    if location.config_path is not None and _belongs_to(location.config_path, top):
        path = location.config_path
    steps: list[str] = []
    write_config_file(
        path,
        lambda current: _completed(path, current, name or default_name(top), steps),
        within=location.directory.root,
    )
    return Initialised(path, steps[-1])


def write_project_id(config_path: str, project_id: str, *, within: str | None = None) -> str:
    """Write the id into a config that has none; blocking, safe to race. What it is linked to must lie in `within`.

    Returns:
        The id that the config has now: the given one, or the one that somebody else wrote first.

    Raises:
        ConfigError: the config is broken or cannot be written.
    """
    ids: list[str] = []

    def change(current: bytes | None) -> bytes | None:
        config = parse_config(config_path, current or b"")
        ids.append(config.project.id or project_id)
        return None if config.project.id else _with_id(config_path, current or b"", project_id)

    write_config_file(config_path, change, within=within)
    return ids[-1]


def _with_id(path: str, current: bytes, project_id: str) -> bytes:
    members = parse_object(path, current)
    members["project"]["id"] = project_id
    return _text(members)


def project_top(directory: Directory, *, home: str) -> str:
    """The nearest git top level at or above a directory, else the directory itself.

    The home directory, the root and what is outside the allowed root are nobody's top level unless
    they are the directory itself: a config there would count for nothing.
    """
    start = directory.path if directory.root is None else directory.resolved
    for folder in candidates(start, directory.resolved, home=home, within=directory.root):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
    return start


def _belongs_to(config_path: str, top: str) -> bool:
    holder = os.path.dirname(os.path.dirname(config_path))
    return is_inside(os.path.realpath(holder), os.path.realpath(top))


def _completed(path: str, current: bytes | None, name: str, steps: list[str]) -> bytes | None:
    if current is None:
        steps.append(f"Created {path} for the project {shown(name)}.")
        return _text({"version": "1.0", "project": {"name": name, "id": str(uuid4())}})
    config = parse_config(path, current)
    if config.project.id is not None:
        steps.append(f"{path} already names the project {shown(config.project.name)}; nothing was changed.")
        return None
    if config.dry_run:
        steps.append(f"dry_run is true in {path}: an id would be written into it; nothing was changed.")
        return None
    steps.append(f"Wrote an id into {path} for the project {shown(config.project.name)}.")
    return _with_id(path, current, str(uuid4()))


def _text(members: dict[str, Any]) -> bytes:
    try:
        return (json.dumps(members, ensure_ascii=False, indent=2) + "\n").encode()
    except UnicodeEncodeError:  # JSON can name half a character, UTF-8 cannot hold it
        return (json.dumps(members, indent=2) + "\n").encode()


def _check_name(name: str) -> None:
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name.strip()):
        raise UsageError(
            Code.NAME_INVALID,
            f"the project name {shown(name)} is not 1 to {MAX_NAME} printable characters.",
            'call init_project(name="a short name").',
        )


def default_name(directory: str) -> str:
    """A project name made of a directory's own."""
    name = "".join(character if character.isprintable() else " " for character in os.path.basename(directory))
    return name.strip()[:MAX_NAME] or "project"
