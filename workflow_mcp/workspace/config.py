"""The config of a project, `.workflow-mcp/config.json`: its model, its discovery and its cache.

A config that is there but cannot be used is an error, never skipped in favour of one further up.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from workflow_mcp.errors import Code, ConfigError, shown


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not (value.isprintable() and value.strip()):
        raise ValueError("must be printable and not blank")
    return value


def _canonical_uuid(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parsed = UUID(value)
    # UUID takes whatever `int` takes for 32 digits: signs, underscores, spaces, digits of other scripts.
    if parsed.hex not in value.replace("-", "").lower():
        raise ValueError("must be a UUID")
    return str(parsed)


ProjectName = Annotated[str, BeforeValidator(_printable), Field(min_length=1, max_length=255)]
ProjectId = Annotated[
    str, BeforeValidator(_canonical_uuid), Field(json_schema_extra={"format": "uuid"}, examples=[str(UUID(int=0))])
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
    description: str | None = Field(default=None, description="For people.")


def config_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the config file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def parse_config(path: str, data: bytes) -> Config:
    """The config that `data`, the content of `path`, is.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file, the field and what is allowed.
    """
    try:
        return Config.model_validate(parse_object(path, data))
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


def parse_object(path: str, data: bytes) -> dict[str, Any]:
    """The JSON object that `data`, the content of `path`, is.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file and, where the JSON ends to be JSON, the line.
    """
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_no_key_twice,
            parse_constant=_no_such_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise _not_json(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _not_json(path, f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise _not_json(path, "it is nested too deeply") from error
    except ValueError as error:
        raise _not_json(path, str(error)) from error
    if not isinstance(value, dict):
        raise _not_json(path, f"it must be a JSON object, not {type(value).__name__}")
    return value


def _not_json(path: str, what: str) -> ConfigError:
    return ConfigError(Code.CONFIG_INVALID, f"{path}: {what}.", "correct that file; `workflow-mcp doctor` shows it.")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} appears twice")
    return members


def _no_such_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text)} is too large a number")
    return number
