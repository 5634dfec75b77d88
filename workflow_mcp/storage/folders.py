"""Folders on disk."""

from __future__ import annotations

import os

from workflow_mcp.errors import Code, StoreError


def sync_folder(folder: str) -> None:
    """Flush creations and renames in a folder to disk, where the system supports it.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_writable(folder: str) -> None:
    """Check that a data directory can be written, or created where it is missing; changes nothing.

    Raises:
        StoreError: `STORE_READ_ONLY`.
    """
    existing = folder
    while not os.path.exists(existing) and existing != os.path.dirname(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing) or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(
            Code.STORE_READ_ONLY,
            f"the data directory {folder} cannot be written by the user who runs the server.",
            "make it writable, or set WORKFLOW_MCP_DATA_DIR to one that is.",
        )
