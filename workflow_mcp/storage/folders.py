"""Folders on disk."""

from __future__ import annotations

import os


def sync_folder(folder: str) -> None:
    """Make what was created or renamed in a folder outlast a power cut, where the system can.

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
