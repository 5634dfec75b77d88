"""Operations on one open folder, by its descriptor: replacing its path meanwhile has no effect."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

LOCK_POLL = 0.01  # seconds between two attempts at a lock
HAS_DIR_FD = {os.open, os.mkdir, os.stat, os.unlink, os.rename} <= os.supports_dir_fd
NOT_A_LINK = getattr(os, "O_NOFOLLOW", 0)
DIRECTORY = getattr(os, "O_DIRECTORY", 0)
PASSING = getattr(os, "O_PATH", os.O_RDONLY)  # enough to pass through a folder that cannot be listed
FILE = NOT_A_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class LockTimeoutError(Exception):
    """Another process held the lock for longer than the timeout."""


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """An open folder. Methods take names of its entries, and follow no link among them.

    Attributes:
        path: the path that it was opened by.
        descriptor: its descriptor; None on systems without openat(2), where `path` is used.
    """

    path: str
    descriptor: int | None

    def at(self, name: str) -> str:
        """The name of an entry for a call with `dir_fd=descriptor`."""
        return os.path.join(self.path, name) if self.descriptor is None else name

    def open(self, name: str, flags: int) -> int:
        """A descriptor of an entry; opening one never hangs."""
        return os.open(self.at(name), flags | FILE, 0o666, dir_fd=self.descriptor)

    def stat(self, name: str) -> os.stat_result:
        """The state of an entry."""
        return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        """Remove an entry."""
        os.unlink(self.at(name), dir_fd=self.descriptor)

    def replace(self, source: str, name: str) -> None:
        """Rename an entry, replacing the one of that name if there is one."""
        os.replace(self.at(source), self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def sync(self) -> None:
        """Flush creations and renames to disk, where the system supports it."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)

    @contextlib.contextmanager
    def lock(self, name: str, *, timeout: float) -> Iterator[None]:
        """Hold a lock on the file `name`, which is created for it and removed afterwards.

        Raises:
            LockTimeoutError: it was not free within `timeout` seconds.
            OSError: the file cannot be made.
        """
        if self.descriptor is None:
            with _path_lock(self.at(name), timeout):
                yield
            return
        descriptor = self._locked(name, time.monotonic() + timeout)
        try:
            yield
        finally:
            # Removed before it is released: a process that waits for it notices the removal and tries again.
            with contextlib.suppress(FileNotFoundError):
                self.unlink(name)
            os.close(descriptor)

    def _locked(self, name: str, deadline: float) -> int:
        while (descriptor := self._try_lock(name)) is None:
            if time.monotonic() >= deadline:
                raise LockTimeoutError(name)
            time.sleep(LOCK_POLL)
        return descriptor

    def _try_lock(self, name: str) -> int | None:
        import fcntl  # noqa: PLC0415 - only POSIX has it

        descriptor = self.open(name, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), self.stat(name)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass  # another process holds it, or has just removed it
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None


@contextlib.contextmanager
def _path_lock(path: str, timeout: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=timeout):
            yield
    except Timeout as error:
        raise LockTimeoutError(path) from error


@contextlib.contextmanager
def open_folder(path: str, *, within: str | None = None) -> Iterator[OpenFolder]:
    """The folder `path`, an absolute path without links, made when it is missing.

    Args:
        path: the folder; where it has become a link, or leads through one below `within`, it is refused.
        within: the folder to start from; default: the one that `path` is in.

    Raises:
        OSError: it cannot be opened or made; `NotADirectoryError` or ELOOP for a link.
    """
    start = within or os.path.dirname(path)
    names = [] if path == start else os.path.relpath(path, start).split(os.sep)
    if not HAS_DIR_FD:
        os.makedirs(path, exist_ok=True)
        yield OpenFolder(path, None)
        return
    descriptor = os.open(start, os.O_RDONLY | DIRECTORY if not names else PASSING | DIRECTORY)
    try:
        for number, name in enumerate(names, start=1):
            passed, descriptor = descriptor, _open_below(descriptor, name, last=number == len(names))
            os.close(passed)
        yield OpenFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _open_below(parent: int, name: str, *, last: bool) -> int:
    flags = (os.O_RDONLY if last else PASSING) | DIRECTORY | NOT_A_LINK
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        if not last:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    return os.open(name, flags, dir_fd=parent)
