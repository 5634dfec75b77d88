"""Reading a config file with bounds on its type, size and owner, so that reading never blocks."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from workflow_mcp.errors import Code, ConfigError

MAX_CONFIG_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Distinguishes one state of a file from another; ctime changes even when mtime is set back."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int
    device: int
    owner: int


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(
        status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev, status.st_uid
    )


def fingerprint(path: str, *, owners: frozenset[int]) -> Fingerprint:
    """The state of a config file, after checking that it may be read.

    Raises:
        ConfigError: it is not a regular file, is too large, has another owner, cannot be read, or is a dangling link.
    """
    with _os_errors(path):
        return checked_state(path, os.stat(path), owners=owners)


def read_config_file(path: str, *, owners: frozenset[int], within: str | None = None) -> tuple[bytes, Fingerprint]:
    """The file's content and the state it was read in.

    Raises:
        ConfigError: see `fingerprint`, and `CONFIG_NOT_ALLOWED` for a file that is really outside
            `within`; nothing that could block is ever opened.
    """
    with _os_errors(path):
        checked_state(path, os.stat(path), owners=owners)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            current = checked_state(path, os.fstat(file.fileno()), owners=owners)
            check_within(path, _path_of(file.fileno(), path), within)
            data = file.read(MAX_CONFIG_BYTES + 1)
    if len(data) > MAX_CONFIG_BYTES:
        raise too_large(path, len(data))
    return data, current


def check_within(path: str, target: str, within: str | None) -> None:
    """Refuse a config file that is really at `target`, outside of `within`.

    Raises:
        ConfigError: `CONFIG_NOT_ALLOWED`.
    """
    if within is not None and not is_inside(target, within):
        raise ConfigError(
            Code.CONFIG_NOT_ALLOWED,
            f"{path} leads out of WORKFLOW_MCP_ALLOWED_ROOTS.",
            "put a regular file there, or ask whoever runs the server to allow its target.",
        )


def _path_of(descriptor: int, path: str) -> str:
    # The path of the open file, not `path` again, which may have become a link meanwhile.
    link = f"/proc/self/fd/{descriptor}"
    return os.readlink(link) if os.path.islink(link) else os.path.realpath(path)


def is_inside(path: str, root: str) -> bool:
    """Whether `path` is `root` or below it, both being absolute and normal."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def checked_state(path: str, status: os.stat_result, *, owners: frozenset[int]) -> Fingerprint:
    """The state in `status`, after checking that the file may be read.

    Raises:
        ConfigError: see `fingerprint`.
    """
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(
            Code.CONFIG_NOT_A_FILE,
            f"{path} is {_kind(status.st_mode)}, not a regular file.",
            "put a regular file there, or move that entry away and call init_project.",
        )
    if status.st_size > MAX_CONFIG_BYTES:
        raise too_large(path, status.st_size)
    if owners and status.st_uid not in owners:
        raise ConfigError(
            Code.CONFIG_FOREIGN_OWNER,
            f"{path} belongs to user {status.st_uid}, who is neither the owner of the working directory nor root.",
            "let the owner of the working directory own that file.",
        )
    return _fingerprint(status)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def too_large(path: str, size: int) -> ConfigError:
    """The error for a config file of more than `MAX_CONFIG_BYTES`."""
    return ConfigError(
        Code.CONFIG_TOO_LARGE,
        f"{path} has or needs {size} bytes; at most {MAX_CONFIG_BYTES} are allowed.",
        "shorten that file.",
    )


@contextlib.contextmanager
def _os_errors(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigError(
            Code.CONFIG_NOT_FOUND,
            f"{path} is a dangling link, or was removed while it was read.",
            "point the link at a config, or call again.",
        ) from error
    except OSError as error:
        raise ConfigError(
            Code.CONFIG_UNREADABLE,
            f"{path}: {error.strerror or error}.",
            "make it readable for the user who runs the server.",
        ) from error
