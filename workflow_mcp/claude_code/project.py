"""The project of a directory, found without pydantic: by the resolver's steps, for commands that hooks run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflow_mcp.claude_code.environment import Environment
from workflow_mcp.errors import Code, ConfigError
from workflow_mcp.workspace.config_files import read_config_file
from workflow_mcp.workspace.config_values import MAX_NAME_LENGTH, canonical_uuid, printable
from workflow_mcp.workspace.directories import check_directory
from workflow_mcp.workspace.discovery import find_config
from workflow_mcp.workspace.strict_json import parse_object

FLAGS = ("auto_switch", "strict_mode", "dry_run")


@dataclass(frozen=True, slots=True)
class ConfiguredProject:
    """What a config says of its project.

    Attributes:
        name: the project's name.
        id: None until it is written into the config.
        auto_switch: whether the config chooses the project; otherwise each session does.
    """

    name: str
    id: str | None
    auto_switch: bool


def find_project(directory: str, environment: Environment) -> ConfiguredProject | None:
    """The project that the config of a directory names; None where no config applies.

    Raises:
        DirectoryError: the directory cannot be used.
        ConfigError: the config that applies there cannot be used.
    """
    checked = check_directory(directory, "environment", allowed_roots=environment.allowed_roots)
    start = checked.path if checked.root is None else checked.resolved
    path = find_config(start, checked.resolved, home=environment.home, within=checked.root)
    if path is None:
        return None
    data, _ = read_config_file(path, owners=checked.trusted_owners, within=checked.root)
    project = configured_project(parse_object(path, data))
    if project is None:
        raise ConfigError(
            Code.CONFIG_INVALID, f"{path} cannot be used as a config.", "run `workflow-mcp doctor`; it says why."
        )
    return project


def configured_project(config: dict[str, Any]) -> ConfiguredProject | None:
    """The project of a config that `workspace.config` takes; None for any other."""
    project = config.get("project")
    if not isinstance(project, dict) or not _is_sound(config, project):
        return None
    try:
        "".join((*config, *project)).encode()
        name, project_id = printable(project["name"]), canonical_uuid(project.get("id"))
    except ValueError:
        return None
    return ConfiguredProject(name, project_id, config.get("auto_switch", True))


def _is_sound(config: dict[str, Any], project: dict[str, Any]) -> bool:
    name = project.get("name")
    return (
        config.get("version", "1.0") == "1.0"
        and all(isinstance(config.get(flag, False), bool) for flag in FLAGS)
        and isinstance(config.get("description"), str | None)
        and isinstance(project.get("id"), str | None)
        and isinstance(name, str)
        and 0 < len(name) <= MAX_NAME_LENGTH
    )
