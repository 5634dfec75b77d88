"""Working directories: the sources that can name one (design, table 2), and the checks on one."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from workflow_mcp.errors import Code, DirectoryError, shown
from workflow_mcp.workspace.config_files import is_inside

MAX_PATH_BYTES = 4096
UNEXPANDED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
INSTALL_FOLDERS = frozenset({"site-packages", "dist-packages", "node_modules", ".cache", "Caches", "__pycache__"})

DirectorySource = Literal["session", "call", "header", "option", "environment", "roots", "process"]
SET_IT = 'set_working_directory(directory="/absolute/path/of/the/project")'


@dataclass(frozen=True, slots=True)
class Directory:
    """A working directory that has been checked.

    Attributes:
        path: absolute and normalized, symlinks kept.
        resolved: absolute, without symlinks.
        source: the row of table 2 that it came from.
        owner: the user id of its owner.
        root: the allowed root it lies in; None when every directory is allowed.
    """

    path: str
    resolved: str
    source: DirectorySource
    owner: int
    root: str | None = None

    @property
    def trusted_owners(self) -> frozenset[int]:
        """The user ids whose config files are read here; empty, meaning all, on systems without file owners."""
        return frozenset({self.owner, 0}) if os.name == "posix" else frozenset()


def check_directory(given: str, source: DirectorySource, *, allowed_roots: Sequence[Path] = ()) -> Directory:
    """The directory that `given` names.

    Raises:
        DirectoryError: it is not an absolute path of a readable directory inside the allowed roots.
    """
    check_text(given)
    try:
        if allowed_roots:  # first, so that errors tell nothing about directories outside of them
            _root_of(given, os.path.realpath(given), allowed_roots)
        status = os.stat(given)
        path, resolved = _normal(given), os.path.realpath(given, strict=True)
        root = _root_of(given, resolved, allowed_roots)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(given, os.R_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _os_error(given, error) from error
    return Directory(path, resolved, source, status.st_uid, root)


def check_text(given: str) -> None:
    """Refuse what cannot be an absolute path of a directory, without looking at any file.

    Raises:
        DirectoryError: see `check_directory`.
    """
    if len(given) > MAX_PATH_BYTES:
        raise _too_long(given, len(given.encode("utf-8", "surrogatepass")))
    # Only up to the last closing brace: otherwise the search could take quadratic time.
    if (variable := UNEXPANDED.search(given, 0, given.rfind("}") + 1)) is not None:
        raise DirectoryError(
            Code.VARIABLE_NOT_SET,
            f"the directory arrived as {shown(given)}: the variable {variable[1]} was not set where it was expanded.",
            f"set {variable[1]} before starting the client, or write the path out in its configuration.",
        )
    if "\0" in given:
        raise DirectoryError(Code.DIRECTORY_HAS_NUL, f"{shown(given)} holds a NUL character.", f"call {SET_IT}.")
    try:
        length = len(given.encode())
    except UnicodeEncodeError as error:
        raise DirectoryError(
            Code.DIRECTORY_NOT_TEXT, f"{shown(given)} is not valid Unicode.", f"call {SET_IT}."
        ) from error
    if length > MAX_PATH_BYTES:
        raise _too_long(given, length)
    if not os.path.isabs(given):
        what = "starts with ~, which is not expanded" if given.startswith("~") else "is not an absolute path"
        raise DirectoryError(Code.DIRECTORY_NOT_ABSOLUTE, f"{shown(given)} {what}.", f"call {SET_IT}.")


def _too_long(given: str, length: int) -> DirectoryError:
    return DirectoryError(
        Code.DIRECTORY_TOO_LONG,
        f"{shown(given)} has {length} bytes; at most {MAX_PATH_BYTES} are allowed and the file system may allow fewer.",
        "give a shorter path, for example one through a symlink.",
    )


def _normal(given: str) -> str:
    """`given` without `.`, `..` and doubled slashes; resolved where removing a `..` would change its meaning."""
    normal = os.path.normpath(given)
    # POSIX allows two leading slashes to have a special meaning; Linux and macOS give them none.
    normal = normal[1:] if normal.startswith("//") and os.sep == "/" else normal
    if ".." not in given.split(os.sep) or os.path.realpath(normal) == os.path.realpath(given):
        return normal
    return os.path.realpath(given)


def _root_of(given: str, resolved: str, allowed_roots: Sequence[Path]) -> str | None:
    if not allowed_roots:
        return None
    for root in allowed_roots:
        real = os.path.realpath(root)
        if is_inside(resolved, real):
            return real
    raise DirectoryError(
        Code.DIRECTORY_NOT_ALLOWED,
        f"{shown(given)} is not inside WORKFLOW_MCP_ALLOWED_ROOTS.",
        "use a directory inside them, or ask whoever runs the server to allow this one.",
    )


def _os_error(given: str, error: OSError) -> DirectoryError:
    if error.errno == errno.ENOENT:
        return DirectoryError(Code.DIRECTORY_NOT_FOUND, f"{shown(given)} does not exist.", f"call {SET_IT}.")
    if error.errno == errno.ENOTDIR:
        return DirectoryError(
            Code.DIRECTORY_IS_FILE,
            f"{shown(given)} is a file or goes through one.",
            "give the directory that holds it.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return _too_long(given, len(given.encode()))
    return DirectoryError(
        Code.DIRECTORY_UNREADABLE,
        f"{shown(given)} cannot be read: {error.strerror or error}.",
        "make it readable for the user who runs the server, or use another directory.",
    )


@lru_cache(maxsize=16)
def process_directory(current: str | None, *, home: str, plugin_folders: tuple[str, ...] = ()) -> str | None:
    """The process's own directory, unless it is the root, the home, or in an installation's, cache or plugin folder."""
    if current is None or current in (home, os.path.realpath(home)) or current == os.path.dirname(current):
        return None
    if any(is_inside(os.path.realpath(current), os.path.realpath(folder)) for folder in plugin_folders):
        return None
    return None if INSTALL_FOLDERS & set(Path(current).parts) else current
