"""The model of a config: its JSON Schema, and what is wrong with one that cannot be used."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from workflow_mcp.errors import Code, ConfigError, shown
from workflow_mcp.workspace.config_values import MAX_NAME_LENGTH, canonical_uuid, printable

ProjectName = Annotated[str, BeforeValidator(printable), Field(min_length=1, max_length=MAX_NAME_LENGTH)]
ProjectId = Annotated[
    str, BeforeValidator(canonical_uuid), Field(json_schema_extra={"format": "uuid"}, examples=[str(UUID(int=0))])
]


class ProjectConfig(BaseModel):
    """The project a config names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: ProjectName = Field(description="The project's name, 1 to 255 printable characters.")
    id: ProjectId | None = Field(default=None, description="The project's UUID; written once when it is missing.")


class Config(BaseModel):
    """A project's `.workflow-mcp/config.json`. Keys that are not named here are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, title="workflow-mcp config")

    version: Literal["1.0"] = Field(default="1.0", description="The version of this format.")
    project: ProjectConfig
    auto_switch: StrictBool = Field(default=True, description="Use this config to choose the project.")
    strict_mode: StrictBool = Field(
        default=False, description="Refuse calls whose explicitly chosen project is not this config's."
    )
    dry_run: StrictBool = Field(default=False, description="Report what would be chosen or written; change nothing.")
    require_evidence: StrictBool = Field(
        default=False, description="Refuse completing items without evidence and with unmet acceptance criteria."
    )
    description: str | None = Field(default=None, description="For people.")


def config_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the config file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def validated(path: str, members: dict[str, Any]) -> dict[str, Any]:
    """The members of the config in the file `path`.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file, the field and what is allowed.
    """
    try:
        return Config.model_validate(members).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        value = "" if first["type"] == "missing" else f" is {shown(_compact(first['input']))}:"
        raise ConfigError(
            Code.CONFIG_INVALID,
            f"{path}: {field}{value} {first['msg']}.",
            f"correct {field} in that file; `workflow-mcp schema` prints what is allowed.",
        ) from error


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
