"""A project's config, `.workflow-mcp/config.json`, and its parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflow_mcp.workspace.config_values import MAX_NAME_LENGTH, canonical_uuid, printable
from workflow_mcp.workspace.strict_json import parse_object

VERSION = "1.0"
FLAGS = ("auto_switch", "strict_mode", "dry_run", "require_evidence")


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """The project a config names; its id is None until it is written into the file."""

    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A config; `config_model` describes its fields."""

    project: ProjectConfig
    auto_switch: bool = True
    strict_mode: bool = False
    dry_run: bool = False
    require_evidence: bool = False
    description: str | None = None


def parse_config(path: str, data: bytes) -> Config:
    """Parse `data`, the content of the file `path`, as a config.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file, the field and what is allowed.
    """
    members = parse_object(path, data)
    if not is_config(members):
        from workflow_mcp.workspace.config_model import validated

        members = validated(path, members)  # says what is wrong; pydantic takes 0.1 s to import
    project = ProjectConfig(members["project"]["name"], canonical_uuid(members["project"].get("id")))
    return Config(project, **{name: members[name] for name in (*FLAGS, "description") if name in members})


def is_config(members: dict[str, Any]) -> bool:
    """Whether `config_model` takes a JSON object as a config."""
    project = members.get("project")
    return (
        isinstance(project, dict)
        and members.get("version", VERSION) == VERSION
        and all(isinstance(members.get(flag, False), bool) for flag in FLAGS)
        and isinstance(members.get("description"), str | None)
        and _names_project(project)
        and _are_text((*members, *project))
    )


def _names_project(project: dict[str, Any]) -> bool:
    name, project_id = project.get("name"), project.get("id")
    try:
        return (
            isinstance(name, str)
            and len(printable(name)) <= MAX_NAME_LENGTH
            and isinstance(canonical_uuid(project_id), str | None)
        )
    except ValueError:
        return False


def _are_text(keys: tuple[str, ...]) -> bool:
    try:
        "".join(keys).encode()
    except UnicodeEncodeError:  # JSON can name half a character
        return False
    return True
