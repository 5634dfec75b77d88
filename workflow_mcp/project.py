"""Making a directory a project: creating its config, or writing the id into one that has none."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from workflow_mcp.config import config_path_in, parse_config, parse_object
from workflow_mcp.config_file import is_inside, write_config_file
from workflow_mcp.directory import Directory
from workflow_mcp.errors import UsageError, shown
from workflow_mcp.workspace import Place

MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `init_project` did: the config, and one sentence about it."""

    config_path: str
    message: str


def init_project(place: Place, *, name: str | None, home: str) -> Initialised:
    """Create or complete the config of the project that a place belongs to; blocking, safe to repeat and to race.

    A config in the place's repository is completed; else one is made at the nearest git top level,
    or in the directory itself outside of repositories.

    Raises:
        ConfigError: the config is broken or cannot be written; it is left as it is.
        UsageError: `INVALID_NAME`.
    """
    if name is not None:
        _check_name(name)
    top = project_top(place.directory, home=home)
    path = config_path_in(top)
    if place.config_path is not None and _belongs_to(place.config_path, top):
        path = place.config_path
    steps: list[str] = []
    write_config_file(path, lambda current: _completed(path, current, name or default_name(top), steps))
    return Initialised(path, steps[-1])


def project_top(directory: Directory, *, home: str) -> str:
    """The nearest git top level at or above a directory, else the directory itself.

    The home directory, the root and what is outside the allowed root are nobody's top level unless
    they are the directory itself: a config there would count for nothing.
    """
    start = directory.path if directory.root is None else directory.resolved
    current, homes = start, {home, os.path.realpath(home)}
    while current == start or not (current in homes or current == os.path.dirname(current)):
        if directory.root is not None and not is_inside(current, directory.root):
            break
        if os.path.exists(os.path.join(current, ".git")):
            return current
        current = os.path.dirname(current)
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
    members = parse_object(path, current)
    members["project"]["id"] = str(uuid4())
    steps.append(f"Wrote an id into {path} for the project {shown(config.project.name)}.")
    return _text(members)


def _text(members: dict[str, Any]) -> bytes:
    return (json.dumps(members, ensure_ascii=False, indent=2) + "\n").encode()


def _check_name(name: str) -> None:
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name.strip()):
        raise UsageError(
            "INVALID_NAME",
            f"the project name {shown(name)} is not 1 to {MAX_NAME} printable characters.",
            'call init_project(name="a short name").',
        )


def default_name(directory: str) -> str:
    """A project name made of a directory's own."""
    name = "".join(character if character.isprintable() else " " for character in os.path.basename(directory))
    return name.strip()[:MAX_NAME] or "project"
