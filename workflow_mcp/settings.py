"""Settings from the environment: `WORKFLOW_MCP_*`, and a few variables that Claude Code sets.

The only module that reads the process's environment, home and current directory. pydantic is imported for the values
that it checks, when there are any: without it the commands that only read take 0.1 s less.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

from platformdirs import user_data_path, user_state_path

from workflow_mcp.errors import Code, UsageError, shown

PREFIX = "WORKFLOW_MCP_"
PLUGIN_FOLDERS = ("PLUGIN_ROOT", "PLUGIN_DATA", "CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA")
UNSET: Any = object()
# What needs no pydantic, unless there are bounds.
PLAIN_TYPES = {"str", "str | None", "Path", "Path | None", "tuple[str, ...]", "tuple[Path, ...]"}


def _current_directory() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


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


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


def _absolute(value: Any) -> Any:
    if not (path := Path(value)).is_absolute():
        raise ValueError("not an absolute path")
    return path


def _roots(value: Any) -> Any:
    # A value of separators alone is refused: as an empty list it would allow every directory.
    parts = [part for part in value.split(os.pathsep) if part] or [value] if isinstance(value, str) else value
    roots = tuple(Path(part) for part in parts)
    for root in roots:
        if not root.is_absolute():
            raise ValueError(f"{root} is not an absolute path")
    return roots


def _names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _unless_unset(value: Any) -> Any:
    # A client that does not know the plugin's options passes their names on.
    return False if isinstance(value, str) and value.startswith("${") else value


def _database_url(url: Any) -> Any:
    # What is wrong is told without the URL, which may hold a password.
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("it does not begin with postgresql://")
    if parts.netloc.count("@") > 1 or any(mark in parts.netloc for mark in "/?# "):
        raise ValueError("the user or password has characters that must be percent-encoded")
    if not parts.path.strip("/"):
        raise ValueError("it names no database: postgresql://user:password@host/database")
    _ = parts.port
    return url


def _setting(
    description: str,
    default: Any = None,
    *,
    read: Callable[[Any], Any] | None = None,
    variable: str | None = None,
    internal: bool = False,
    secret: bool = False,
    **bounds: Any,
) -> Any:
    """A field of `Settings`.

    Args:
        description: what it is for.
        default: its value, or what makes it, when nothing is given.
        read: makes the value from what is given, or raises ValueError.
        variable: another variable than `WORKFLOW_MCP_<NAME>`.
        internal: whether no variable gives it.
        secret: whether its value must not be shown.
        bounds: what pydantic checks beside the type, as for `pydantic.Field`.
    """
    metadata = {"description": description, "default": default, "read": read, "variable": variable}
    return field(default=UNSET, repr=not secret, metadata={**metadata, "internal": internal, "bounds": bounds})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one server; each field is `WORKFLOW_MCP_<NAME>` unless it names another variable.

    Durations are seconds. Values given to the constructor win over the environment.

    Raises:
        UsageError: `SETTING_INVALID`, naming the variable, the value and what is allowed.
    """

    data_dir: Path = _setting("Where sessions and the projects' data are kept.", _data_dir, read=_absolute)
    state_dir: Path | None = _setting(
        "Where it is remembered which projects a data directory has.", _state_dir, read=_path
    )
    database_url: str | None = _setting(
        "postgresql://user:password@host/database, in place of files in the data directory.",
        read=_database_url,
        secret=True,
    )
    database_owner_url: str | None = _setting(
        "The same database as the user who owns it; only `database migrate` uses it.", read=_database_url, secret=True
    )
    pooled: bool = _setting("Set where the database is reached through pgbouncer.", False)
    allowed_roots: tuple[Path, ...] = _setting(
        "Directories that working directories must be inside of, separated like PATH.", (), read=_roots
    )
    max_sessions: int = _setting(
        "Maximum number of sessions; beyond it, the least recently used is removed.", 10_000, ge=1
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting("Level on stderr.", "WARNING", read=_upper)
    log_format: Literal["text", "json"] = _setting("Lines on stderr: for people, or JSON.", "text")
    join: Literal["tell", "ask"] = _setting(
        "What happens when another repository joins a project: it is told, or refused.", "tell"
    )
    file_timeout: float = _setting("Maximum seconds that file work may take.", 5.0, gt=0, le=300)
    roots_timeout: float = _setting("Maximum seconds a client may take to answer roots/list.", 10.0, gt=0, le=300)

    host: str = _setting("HTTP: the address to listen on.", "127.0.0.1")
    port: int = _setting("HTTP: the port to listen on; 0 takes a free one.", 8765, ge=0, le=65535)
    path: str = _setting("HTTP: where the endpoint is.", "/mcp", pattern=r"^/[A-Za-z0-9._~/-]*$")
    tokens_file: Path | None = _setting(
        "HTTP: file with one `name:token` a line; every client must send a token.", read=_path
    )
    metrics: Literal["on", "open", "off"] = _setting(
        "HTTP: who may read GET /metrics; with tokens, whoever has one, or everybody.", "on"
    )
    token: str | None = _setting("What `workflow-mcp board --url` shows a server.", secret=True)
    jwt_jwks_uri: str | None = _setting(
        "HTTP: where the issuer of JWTs publishes its keys; every client must send a token."
    )
    jwt_issuer: str | None = _setting("HTTP: the issuer (iss) that JWTs must have.")
    jwt_audience: str | None = _setting("HTTP: the audience (aud) that JWTs must have.")
    jwt_algorithm: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] = (
        _setting("HTTP: the algorithm that JWTs are signed with.", "RS256")
    )
    allowed_hosts: tuple[str, ...] = _setting("HTTP: further names clients may use for this server.", (), read=_names)
    allowed_origins: tuple[str, ...] = _setting("HTTP: web origins that may call this server.", (), read=_names)
    max_connections: int = _setting(
        "HTTP: maximum number of connections; beyond it, the longest idle one is closed.", 1000, ge=1
    )

    memo: Literal["on", "off"] = _setting("stdio: answer openings from the last start's.", "on")

    claude_project_dir: str | None = _setting(
        "Set by Claude Code: where it was started.", variable="CLAUDE_PROJECT_DIR"
    )
    claude_session_id: str | None = _setting(
        "Set by Claude Code: survives --resume.", variable="CLAUDE_CODE_SESSION_ID"
    )
    claude_config_dir: Path | None = _setting(
        "Where Claude Code keeps its settings.", read=_path, variable="CLAUDE_CONFIG_DIR"
    )

    hook_tool: bool = _setting("Set by the Claude Code plugin: let its hook tell which agent calls, and where.", False)
    hook_remind_at_stop: bool = _setting(
        "The plugin's option: remind of what a session still holds when it stops.", False, read=_unless_unset
    )
    hook_tell_changes: bool = _setting(
        "The plugin's option: tell with each prompt what changed since the last one.", False, read=_unless_unset
    )
    plugin_folders: tuple[str, ...] = _setting(
        "A plugin's own folders, which are no project.", _plugin_folders, internal=True
    )

    directory: str | None = _setting("The working directory of a stdio server (--directory).")
    directory_option: str = _setting("What `directory` was given by.", "WORKFLOW_MCP_DIRECTORY", internal=True)
    process_directory: str | None = _setting("The process's own current directory.", _current_directory, internal=True)
    home: str = _setting("The user's home directory.", partial(os.path.expanduser, "~"), internal=True)

    def __post_init__(self) -> None:
        variables = {name.upper(): value for name, value in os.environ.items() if value}
        for one in fields(self):
            given = getattr(self, one.name)
            if given is UNSET:
                given = variables.get(variable_of(one) or "", UNSET)
            object.__setattr__(self, one.name, _value(one, given))

    @property
    def known_database_url(self) -> str:
        """The database's URL where there is one.

        Raises:
            ValueError: there is none.
        """
        if self.database_url is None:
            raise ValueError("these settings name no database")
        return self.database_url

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
    """The settings from the environment, with those of `values` on top that are not None.

    Raises:
        UsageError: see `Settings`.
    """
    return Settings(**{name: value for name, value in values.items() if value is not None})


def variable_of(setting: Field[Any]) -> str | None:
    """The environment variable of a field of `Settings`; None when it has none."""
    if setting.metadata["internal"]:
        return None
    return setting.metadata["variable"] or f"{PREFIX}{setting.name.upper()}"


def _value(setting: Field[Any], given: Any) -> Any:
    default, read = setting.metadata["default"], setting.metadata["read"]
    is_default = given is UNSET
    if is_default:
        given = default() if callable(default) else default
    try:
        value = given if read is None else read(given)
    except ValueError as error:
        raise _invalid(setting, given, f"Value error, {error}") from error
    is_plain = setting.type in PLAIN_TYPES and not setting.metadata["bounds"]
    return value if is_default or is_plain else _checked(setting, value)


def _checked(setting: Field[Any], value: Any) -> Any:
    pydantic = import_module("pydantic")
    bounds = pydantic.Field(**setting.metadata["bounds"])
    try:
        return pydantic.TypeAdapter(Annotated[get_type_hints(Settings)[setting.name], bounds]).validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _invalid(setting, first["input"], first["msg"]) from error


def _invalid(setting: Field[Any], given: Any, why: str) -> UsageError:
    name, value = variable_of(setting) or setting.name, shown(given) if setting.repr else "…"
    return UsageError(
        Code.SETTING_INVALID,
        f"{name}={value}: {why}.",
        f"correct or unset {name}; the README's settings table says what it takes.",
    )
