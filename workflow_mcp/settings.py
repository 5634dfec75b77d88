"""Settings from the environment: `WORKFLOW_MCP_*`, and a few variables that Claude Code sets.

The only module that reads the process's environment, home and current directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path, user_state_path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from workflow_mcp.errors import Code, UsageError, shown

PREFIX = "WORKFLOW_MCP_"
SECRET_SETTINGS = (("database_url",), ("database_owner_url",))
PLUGIN_FOLDERS = ("PLUGIN_ROOT", "PLUGIN_DATA", "CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA")


def _current_directory() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def _names(value: Any) -> Any:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def _unless_unset(value: Any) -> Any:
    # A client that does not know the plugin's options passes their names on.
    return False if isinstance(value, str) and value.startswith("${") else value


OptIn = Annotated[bool, BeforeValidator(_unless_unset)]


def _plugin_folders() -> tuple[str, ...]:
    return tuple(folder for name in PLUGIN_FOLDERS if (folder := os.environ.get(name)))


def _data_dir() -> Path:
    try:
        return user_data_path("workflow-mcp", appauthor=False)
    except RuntimeError:
        return Path("~")  # this user has no home: refused, like every path that is not absolute


def _state_dir() -> Path | None:
    try:
        return user_state_path("workflow-mcp-state", appauthor=False)
    except RuntimeError:
        return None


def check_database_url(url: str) -> None:
    """Check that a URL names a PostgreSQL database.

    Raises:
        ValueError: it does not; the text says why, without the URL, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("it does not begin with postgresql://")
    if parts.netloc.count("@") > 1 or any(mark in parts.netloc for mark in "/?# "):
        raise ValueError("the user or password has characters that must be percent-encoded")
    if not parts.path.strip("/"):
        raise ValueError("it names no database: postgresql://user:password@host/database")
    _ = parts.port


class Settings(BaseModel):
    """Settings of one server; each field is `WORKFLOW_MCP_<NAME>` unless it names another variable.

    Durations are seconds. Values given to the constructor win over the environment.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_default=True)

    data_dir: Path = Field(
        default_factory=_data_dir,
        description="Where sessions and the projects' data are kept.",
    )
    state_dir: Path | None = Field(
        default_factory=_state_dir,
        description="Where it is remembered which projects a data directory has.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://user:password@host/database, in place of files in the data directory."
    )
    database_owner_url: SecretStr | None = Field(
        default=None, description="The same database as the user who owns it; only `database migrate` uses it."
    )
    pooled: bool = Field(default=False, description="Set where the database is reached through pgbouncer.")
    allowed_roots: tuple[Path, ...] = Field(
        default=(), description="Directories that working directories must be inside of, separated like PATH."
    )
    max_sessions: int = Field(
        default=10_000, ge=1, description="Maximum number of sessions; beyond it, the least recently used is removed."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="WARNING", description="Level on stderr.")
    log_format: Literal["text", "json"] = Field(default="text", description="Lines on stderr: for people, or JSON.")
    join: Literal["tell", "ask"] = Field(
        default="tell", description="What happens when another repository joins a project: it is told, or refused."
    )
    file_timeout: float = Field(default=5.0, gt=0, le=300, description="Maximum seconds that file work may take.")
    roots_timeout: float = Field(
        default=10.0, gt=0, le=300, description="Maximum seconds a client may take to answer roots/list."
    )

    host: str = Field(default="127.0.0.1", description="HTTP: the address to listen on.")
    port: int = Field(default=8765, ge=0, le=65535, description="HTTP: the port to listen on; 0 takes a free one.")
    path: str = Field(default="/mcp", pattern=r"^/[A-Za-z0-9._~/-]*$", description="HTTP: where the endpoint is.")
    tokens_file: Path | None = Field(
        default=None, description="HTTP: file with one `name:token` a line; every client must send a token."
    )
    metrics: Literal["on", "open", "off"] = Field(
        default="on", description="HTTP: who may read GET /metrics; with tokens, whoever has one, or everybody."
    )
    token: SecretStr | None = Field(default=None, description="What `workflow-mcp board --url` shows a server.")
    jwt_jwks_uri: str | None = Field(
        default=None, description="HTTP: where the issuer of JWTs publishes its keys; every client must send a token."
    )
    jwt_issuer: str | None = Field(default=None, description="HTTP: the issuer (iss) that JWTs must have.")
    jwt_audience: str | None = Field(default=None, description="HTTP: the audience (aud) that JWTs must have.")
    jwt_algorithm: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] = (
        Field(default="RS256", description="HTTP: the algorithm that JWTs are signed with.")
    )
    allowed_hosts: Names = Field(default=(), description="HTTP: further names clients may use for this server.")
    allowed_origins: Names = Field(default=(), description="HTTP: web origins that may call this server.")

    max_connections: int = Field(
        default=1000,
        ge=1,
        description="HTTP: maximum number of connections; beyond it, the longest idle one is closed.",
    )

    memo: Literal["on", "off"] = Field(default="on", description="stdio: answer openings from the last start's.")

    claude_project_dir: str | None = Field(
        default=None, validation_alias="CLAUDE_PROJECT_DIR", description="Set by Claude Code: where it was started."
    )
    claude_session_id: str | None = Field(
        default=None, validation_alias="CLAUDE_CODE_SESSION_ID", description="Set by Claude Code: survives --resume."
    )
    claude_config_dir: Path | None = Field(
        default=None, validation_alias="CLAUDE_CONFIG_DIR", description="Where Claude Code keeps its settings."
    )

    hook_tool: bool = Field(
        default=False, description="Set by the Claude Code plugin: let its hook tell which agent calls, and where."
    )
    hook_remind_at_stop: OptIn = Field(
        default=False, description="The plugin's option: remind of what a session still holds when it stops."
    )
    hook_tell_changes: OptIn = Field(
        default=False, description="The plugin's option: tell with each prompt what changed since the last one."
    )
    plugin_folders: tuple[str, ...] = Field(
        default_factory=_plugin_folders, exclude=True, description="A plugin's own folders, which are no project."
    )

    directory: str | None = Field(default=None, description="The working directory of a stdio server (--directory).")
    directory_option: str = Field(
        default="WORKFLOW_MCP_DIRECTORY", exclude=True, description="What `directory` was given by."
    )
    process_directory: str | None = Field(
        default_factory=_current_directory, exclude=True, description="The process's own current directory."
    )
    home: str = Field(
        default_factory=partial(os.path.expanduser, "~"), exclude=True, description="The user's home directory."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        variables = {name.upper(): value for name, value in os.environ.items() if value}
        named = {name: _variable(name) for name in cls.model_fields}
        return {name: variables[variable] for name, variable in named.items() if variable in variables} | given

    @field_validator("allowed_roots", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # A value of separators alone is refused: as an empty list it would allow every directory.
        return [part for part in value.split(os.pathsep) if part] or [value]

    @field_validator("allowed_roots")
    @classmethod
    def _absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in value:
            if not root.is_absolute():
                raise ValueError(f"{root} is not an absolute path")
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute_data_dir(cls, value: Path) -> Path:
        if not value.is_absolute():
            raise ValueError("not an absolute path")
        return value

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _of_a_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_database_url(value.get_secret_value())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    def absolute(self, directory: str) -> str:
        """A directory of the command line, absolute; `.` is the process's own.

        Raises:
            UsageError: `NO_CURRENT_DIRECTORY`, when that is gone.
        """
        if self.process_directory is None and not Path(directory).is_absolute():
            raise UsageError(
                Code.NO_CURRENT_DIRECTORY,
                f"{shown(directory)} is below a directory that is gone.",
                "cd to one that is there.",
            )
        return str(Path(self.process_directory or "/", directory))


def environment() -> Mapping[str, str]:
    """The process's environment as it is, for what is named after it."""
    return os.environ


def load_settings(**values: Any) -> Settings:
    """The settings from the environment, with `values` on top.

    Raises:
        UsageError: `SETTING_INVALID`, naming the variable, the value and what is allowed.
    """
    try:
        return Settings(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        variable = _variable(str(first["loc"][0]))
        raise UsageError(
            Code.SETTING_INVALID,
            f"{variable}={_told(first)}: {first['msg']}.",
            f"correct or unset {variable}; the README's settings table says what it takes.",
        ) from error


def _variable(field: str) -> str:
    """The environment variable of a field; errors name some fields by their variables already."""
    described = Settings.model_fields.get(field)
    return field if described is None else str(described.validation_alias or f"{PREFIX}{field.upper()}")


def _told(problem: ErrorDetails) -> str:
    """The value of a setting that is wrong, unless it is a secret."""
    return "…" if problem["loc"][:1] in SECRET_SETTINGS else shown(problem["input"])
