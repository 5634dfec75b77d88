"""Writing a config file: under a lock, atomically, and only inside the allowed root.

The folder is opened once and everything is done relative to its descriptor (openat(2)), so a directory
that is replaced by a link meanwhile has no effect. Windows has no such calls and uses paths.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable

from workflow_mcp.errors import Code, ConfigError, ConfigWriteError
from workflow_mcp.workspace.config_files import MAX_CONFIG_BYTES, check_within, checked_state, fingerprint, too_large
from workflow_mcp.workspace.open_folders import LockTimeoutError, OpenFolder, open_folder

LOCK_TIMEOUT = 4.0  # seconds; less than the time a call may take
ANY_OWNER = frozenset[int]()

Change = Callable[[bytes | None], bytes | None]


def write_config_file(path: str, change: Change, *, within: str | None = None) -> bool:
    """Replace the file's content by what `change` makes of it, under a lock that all writers take.

    `change` gets the content under the lock, None when there is no file, and returns the new content, or
    None to leave the file alone. It is called once. Readers see the old content or the new one, never a
    part. A link is written through to its target, which must lie in `within`; the mode is kept. Where the
    folder cannot be written, `change` is called without the lock, because no write may be needed.

    Returns:
        Whether the file was written.

    Raises:
        ConfigError: `CONFIG_NOT_WRITABLE`, `CONFIG_NOT_ALLOWED`, `CONFIG_BUSY`, or `CONFIG_TOO_LARGE` for
            content that could not be read again; also what `change` raises.
    """
    try:
        target = _target(path, within)
        with open_folder(os.path.dirname(target), within=within) as folder:
            return _change(folder, path, os.path.basename(target), change)
    except LockTimeoutError as error:
        raise ConfigError(
            Code.CONFIG_BUSY, f"{path} has been locked for {LOCK_TIMEOUT:.0f} s by another process.", "call again."
        ) from error
    except OSError as error:
        raise _os_error(path, error, within) from error


def _target(path: str, within: str | None) -> str:
    """The real path of the file, which may not exist yet."""
    folder = os.path.dirname(path)
    if os.path.lexists(folder):
        target = os.path.realpath(os.path.join(os.path.realpath(folder, strict=True), os.path.basename(path)))
    else:
        target = os.path.join(os.path.realpath(os.path.dirname(folder)), *path.split(os.sep)[-2:])
    check_within(path, target, within)
    if os.path.lexists(path):  # refuses what is not a regular file, such as a dangling link
        fingerprint(path, owners=ANY_OWNER)
    return target


def _change(folder: OpenFolder, path: str, name: str, change: Change) -> bool:
    with contextlib.ExitStack() as held:
        failure = _try_to_lock(folder, name, held)
        current = _read(folder, path, name)
        new = change(current)
        if new is None or new == current:
            return False
        if failure is not None:
            raise failure
        if len(new) > MAX_CONFIG_BYTES:
            raise too_large(path, len(new))
        _replace(folder, name, new, keep_attributes=current is not None)
    return True


def _try_to_lock(folder: OpenFolder, name: str, held: contextlib.ExitStack) -> OSError | None:
    try:
        held.enter_context(folder.lock(f"{name}.lock", timeout=LOCK_TIMEOUT))
    except OSError as error:
        return error
    return None


def _read(folder: OpenFolder, path: str, name: str) -> bytes | None:
    try:
        descriptor = folder.open(name, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        checked_state(path, os.fstat(file.fileno()), owners=ANY_OWNER)
        return file.read(MAX_CONFIG_BYTES + 1)


def _replace(folder: OpenFolder, name: str, data: bytes, *, keep_attributes: bool) -> None:
    temporary = f"{name}.{secrets.token_hex(8)}.tmp"
    try:
        with os.fdopen(folder.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(data)
            if keep_attributes:
                _keep_attributes(folder, name, temporary, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        folder.replace(temporary, name)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.unlink(temporary)
        raise
    folder.sync()


def _keep_attributes(folder: OpenFolder, name: str, temporary: str, descriptor: int) -> None:
    status = folder.stat(name)
    if os.name != "posix":
        os.chmod(folder.at(temporary), stat.S_IMODE(status.st_mode))
        return
    # Only root may change the owner; for any other user the new file keeps their own.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _os_error(path: str, error: OSError, within: str | None) -> ConfigError:
    if within is not None and error.errno in (errno.ELOOP, errno.ENOTDIR):
        return ConfigError(
            Code.CONFIG_NOT_ALLOWED,
            f"part of {path} became a link or a file while it was being written; it is not followed, because it "
            "may lead out of WORKFLOW_MCP_ALLOWED_ROOTS.",
            "check who changes that path, then call again.",
        )
    return ConfigWriteError(
        Code.CONFIG_NOT_WRITABLE,
        f"{path}: {error.strerror or error}.",
        "make that folder writable for the user who runs the server.",
    )
