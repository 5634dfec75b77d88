"""A folder that is opened once, so that whatever is done in it is done in that one and no other."""

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


class LockTimeout(Exception):  # noqa: N818 - it says what has passed, as TimeoutError's kin do
    """A lock was held by somebody else for longer than was to be waited."""


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """An open folder; names are those of its own entries, and no link among them is followed.

    Attributes:
        path: what it was opened by.
        descriptor: what it is; None on systems that can only go by `path`.
    """

    path: str
    descriptor: int | None

    def at(self, name: str) -> str:
        """What to call an entry by, with `descriptor` as `dir_fd`."""
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
        """Rename an entry, which takes the place of another."""
        os.replace(self.at(source), self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def sync(self) -> None:
        """Make what was created or renamed outlast a power cut, where the system can."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)

    @contextlib.contextmanager
    def lock(self, name: str, *, timeout: float) -> Iterator[None]:
        """Hold the lock that the file `name` stands for, and remove that file afterwards.

        Raises:
            LockTimeout: it was not free within `timeout` seconds.
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
            # Before it is released: who waits for the file that was removed notices, and tries again.
            with contextlib.suppress(FileNotFoundError):
                self.unlink(name)
            os.close(descriptor)

    def _locked(self, name: str, deadline: float) -> int:
        while (descriptor := self._try_lock(name)) is None:
            if time.monotonic() >= deadline:
                raise LockTimeout(name)
            time.sleep(LOCK_POLL)
        return descriptor

    def _try_lock(self, name: str) -> int | None:
        import fcntl  # noqa: PLC0415 - POSIX only, as is this way of locking

        descriptor = self.open(name, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), self.stat(name)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass  # somebody else has it, or has just removed it
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None


@contextlib.contextmanager
def _path_lock(path: str, timeout: float) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - needed by writers only

    try:
        with FileLock(path, timeout=timeout):
            yield
    except Timeout as error:
        raise LockTimeout(path) from error


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
