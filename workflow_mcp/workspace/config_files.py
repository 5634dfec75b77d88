"""Reading and writing the one small file a config is, without ever hanging on it or tearing it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflow_mcp.errors import Code, ConfigError
from workflow_mcp.storage.folders import sync_folder

MAX_BYTES = 64 * 1024
LOCK_TIMEOUT = 4.0  # less than the time a call may take


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of a file from another: a restored mtime still leaves its trace in ctime."""

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
    """The state of a config file, after checking that it may be read at all.

    Raises:
        ConfigError: it is no regular file, too large, somebody else's, dangling or unreadable.
    """
    with _os_errors(path):
        return _checked(path, os.stat(path), owners=owners)


def read_config_file(path: str, *, owners: frozenset[int], within: str | None = None) -> tuple[bytes, Fingerprint]:
    """The file's content and the state it was read in.

    Raises:
        ConfigError: see `fingerprint`, and `CONFIG_NOT_ALLOWED` for a file that is really outside
            `within`; nothing that could block is ever opened.
    """
    with _os_errors(path):
        _checked(path, os.stat(path), owners=owners)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            current = _checked(path, os.fstat(file.fileno()), owners=owners)
            _check_within(path, _path_of(file.fileno(), path), within)
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _too_large(path, len(data))
    return data, current


def _check_within(path: str, target: str, within: str | None) -> None:
    if within is not None and not is_inside(target, within):
        raise ConfigError(
            Code.CONFIG_NOT_ALLOWED,
            f"{path} leads out of WORKFLOW_MCP_ALLOWED_ROOTS.",
            "put a regular file there, or ask whoever runs the server to allow its target.",
        )


def _path_of(descriptor: int, path: str) -> str:
    # What was opened is asked, not the path again: a link can be swapped in between.
    link = f"/proc/self/fd/{descriptor}"
    return os.readlink(link) if os.path.islink(link) else os.path.realpath(path)


def is_inside(path: str, root: str) -> bool:
    """Whether `path` is `root` or below it, both being absolute and normal."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _checked(path: str, status: os.stat_result, *, owners: frozenset[int]) -> Fingerprint:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(
            Code.CONFIG_NOT_A_FILE,
            f"{path} is {_kind(status.st_mode)}, not a regular file.",
            "put a regular file there, or move that entry away and call init_project.",
        )
    if status.st_size > MAX_BYTES:
        raise _too_large(path, status.st_size)
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


def _too_large(path: str, size: int) -> ConfigError:
    return ConfigError(
        Code.CONFIG_TOO_LARGE,
        f"{path} has or needs {size} bytes; at most {MAX_BYTES} are allowed.",
        "shorten that file.",
    )


@contextlib.contextmanager
def _os_errors(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigError(
            Code.CONFIG_NOT_FOUND,
            f"{path} is a link to nothing, or went away while it was read.",
            "point the link at a config, or call again.",
        ) from error
    except OSError as error:
        raise ConfigError(
            Code.CONFIG_UNREADABLE,
            f"{path}: {error.strerror or error}.",
            "make it readable for the user who runs the server.",
        ) from error


def write_config_file(path: str, change: Callable[[bytes | None], bytes | None], *, within: str | None = None) -> bool:
    """Replace the file's content by what `change` makes of it, under a lock that all writers take.

    `change` gets the content as it is under the lock, None when there is no file, and returns the
    new content, or None to leave the file alone. Readers see the old content or the new one, never
    a part. A link is written through to its target, which must lie in `within`; the mode is kept.

    Returns:
        Whether the file was written.

    Raises:
        ConfigError: `CONFIG_NOT_WRITABLE`, `CONFIG_NOT_ALLOWED`, `CONFIG_BUSY`, or `CONFIG_TOO_LARGE` for
            content that could not be read again; whatever `change` raises.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - needed by writers only

    try:
        target = os.path.realpath(path)
        _check_within(path, target, within)
        if os.path.lexists(path):  # a dangling link, say, at whose end the lock would make folders
            fingerprint(path, owners=frozenset())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # The target's own lock, so that whoever comes through another link takes the same.
        lock = FileLock(f"{target}.lock", timeout=LOCK_TIMEOUT)
        with lock:
            try:
                return _replace(path, change)
            finally:
                # Safe while the lock is held: a waiter that gets the unlinked file tries again. Windows refuses.
                with contextlib.suppress(OSError):
                    os.unlink(f"{target}.lock")
    except Timeout as error:
        raise ConfigError(
            Code.CONFIG_BUSY, f"{path} has been locked for {LOCK_TIMEOUT:.0f} s by another process.", "call again."
        ) from error
    except OSError as error:
        if os.path.lexists(path) and change(read_config_file(path, owners=frozenset())[0]) is None:
            return False  # where nothing can be written, nothing may need to be
        raise ConfigError(
            Code.CONFIG_NOT_WRITABLE,
            f"{path}: {error.strerror or error}.",
            "make that folder writable for the user who runs the server.",
        ) from error


def _replace(path: str, change: Callable[[bytes | None], bytes | None]) -> bool:
    current = read_config_file(path, owners=frozenset())[0] if os.path.lexists(path) else None
    new = change(current)
    if new is None or new == current:
        return False
    if len(new) > MAX_BYTES:
        raise _too_large(path, len(new))
    target = os.path.realpath(path)
    temporary = f"{target}.{secrets.token_hex(8)}.tmp"
    try:
        _write_new(temporary, new)
        if current is not None:
            _keep_attributes(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(target))
    return True


def _write_new(path: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_attributes(source: str, path: str) -> None:
    status = os.stat(source)
    if os.name == "posix":
        # Only root may give a file away; anybody else keeps writing files of their own.
        with contextlib.suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)
    os.chmod(path, stat.S_IMODE(status.st_mode))
