"""Locks between processes, each a file beside what it protects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from workflow_mcp.storage.sqlite.faults import BUSY_TIMEOUT, store_error
from workflow_mcp.storage.sqlite.paths import PRIVATE_FILE


@contextlib.contextmanager
def file_lock(path: str, *, of: str) -> Iterator[None]:
    """Holds the lock file at `path` while the body runs; blocking.

    Raises:
        StoreError: `STORE_BUSY`, about the file or folder `of`.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=BUSY_TIMEOUT, mode=PRIVATE_FILE):
            yield
    except Timeout as error:
        raise store_error(of, "busy", error) from error
