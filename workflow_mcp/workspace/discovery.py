"""Finding the config that applies in a directory.

A config that exists but cannot be used is an error, never skipped in favour of one further up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from workflow_mcp.errors import Code, ConfigError
from workflow_mcp.workspace.config_files import is_inside

CONFIG_FOLDER = ".workflow-mcp"

CONFIG_NAME = "config.json"


def config_path_in(directory: str) -> str:
    """The path of a directory's own config, whether it exists or not."""
    return os.path.join(directory, CONFIG_FOLDER, CONFIG_NAME)


def candidates(directory: str, resolved: str, *, home: str, within: str | None = None) -> Iterator[str]:
    """The directories whose config may apply, nearest first.

    They lead upwards from the directory as given, then from the resolved one. The home directory and the
    root are left out unless they are the working directory itself; so is everything outside `within`.
    """
    seen: set[str] = set()
    for start in (directory, resolved):
        current = start
        while current not in seen:
            seen.add(current)
            outside = within is not None and not is_inside(current, within)
            if not outside and (current == start or not _is_home_or_root(current, home)):
                yield current
            current = os.path.dirname(current)


def _is_home_or_root(directory: str, home: str) -> bool:
    real = os.path.realpath(directory)
    return real in (home, os.path.realpath(home)) or real == os.path.dirname(real)


def find_config(directory: str, resolved: str, *, home: str, within: str | None = None) -> str | None:
    """The path of the nearest config; None when there is none.

    Raises:
        ConfigError: `CONFIG_UNREADABLE` or `CONFIG_NOT_FOUND`, when a folder on the way cannot be read.
    """
    for candidate in candidates(directory, resolved, home=home, within=within):
        if (path := own_config(candidate)) is not None:
            return path
    return None


def own_config(directory: str) -> str | None:
    """The path of a directory's own config; None when it has none.

    Raises:
        ConfigError: see `find_config`.
    """
    path = config_path_in(directory)
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(os.path.dirname(path)) and not os.path.exists(os.path.dirname(path)):
            raise ConfigError(
                Code.CONFIG_NOT_FOUND,
                f"{os.path.dirname(path)} is a dangling link.",
                "point it at the folder of a config, or call again when that folder's file system is there.",
            ) from error
        return None
    except OSError as error:
        raise ConfigError(
            Code.CONFIG_UNREADABLE,
            f"{path}: {error.strerror or error}.",
            "make that folder readable for the user who runs the server.",
        ) from error
    return path
