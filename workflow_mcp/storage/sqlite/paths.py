"""The paths of projects' files."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from workflow_mcp.storage.projects.choice import check_id

FOLDER = "projects"
TRASH = "trash"
SUFFIX = ".db"
PRIVATE_FILE = 0o600  # the mode of all that only their user may read


@lru_cache(maxsize=1024)
def path_of(data_dir: Path, project_id: str) -> str:
    """The path of a project's file.

    Raises:
        StoreError: `PROJECT_ID_INVALID`; an id is a canonical UUID and so never leads out of the folder.
    """
    check_id(project_id)
    return str(data_dir / FOLDER / f"{project_id}{SUFFIX}")


def id_of(path: str) -> str:
    """The id of the project whose file is at `path`."""
    return os.path.basename(path).removesuffix(SUFFIX)


def trash_beside(path: str) -> str:
    """The trash folder of the data directory that the project's file at `path` is in."""
    return os.path.join(os.path.dirname(os.path.dirname(path)), TRASH)
