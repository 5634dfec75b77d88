"""Deletes a project, and restores it, again and again, and is killed a step later each time.

`deletion_kills.py <data dir> <project id>`: each time in a copy of the data directory, the n-th time just before the
n-th change of a folder, until there are no more. Prints the path of each copy in which a process was killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from workflow_mcp.storage.sqlite.deletion import delete, undelete
from workflow_mcp.storage.sqlite.known import KnownProjects

CHANGES = ("link", "unlink", "rename", "replace")


def killing(act: Callable[..., Any], turns: list[None], path: Any, *arguments: Any, **options: Any) -> Any:
    """Do something to a path, or be killed when all turns are used up; where nothing is there, nothing changes."""
    if os.path.lexists(path):
        if not turns:
            os.kill(os.getpid(), signal.SIGKILL)
        turns.pop()
    return act(path, *arguments, **options)


def work(data_dir: Path, project_id: str, what: str) -> None:
    """Delete the project or take it out of the trash."""
    known = KnownProjects(data_dir, data_dir / "state")
    if what == "delete":
        delete(data_dir, known, project_id, datetime.now(UTC))
    else:
        undelete(data_dir, known, project_id)


def killed(data_dir: Path, project_id: str, what: str, number: int) -> bool:
    """Whether a process that may make so many changes was killed before it ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or status == 0, status
        return os.WIFSIGNALED(status)
    turns = [None] * number
    for name in CHANGES:
        setattr(os, name, partial(killing, getattr(os, name), turns))
    work(data_dir, project_id, what)
    os._exit(0)


def main(data_dir: str, project_id: str) -> None:
    """Do what the command line says."""
    for what in ("delete", "undelete"):
        for number in count():
            copy = Path(f"{data_dir}.{what}.{number}")
            shutil.copytree(data_dir, copy)
            if not killed(copy, project_id, what, number):
                break
            sys.stdout.write(f"{copy}\n")
        data_dir = str(copy)


if __name__ == "__main__":
    main(*sys.argv[1:])
