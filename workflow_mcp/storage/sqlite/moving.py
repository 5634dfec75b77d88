"""A project's file as it is at one moment, to be moved into another database. Blocking."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from workflow_mcp.storage.sqlite.backups import back_up
from workflow_mcp.storage.sqlite.connections import Connections
from workflow_mcp.storage.sqlite.faults import store_errors
from workflow_mcp.storage.sqlite.files import make_folder, prepare
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.paths import path_of
from workflow_mcp.storage.sqlite.search import find_texts
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.values import Project


@contextmanager
def copied(data_dir: Path, project: Project) -> Iterator[Transaction]:
    """A transaction that reads a whole copy of a project's file, in the newest format; the file stays as it is.

    Raises:
        StoreError: the file cannot be used or copied.
    """
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="workflow-mcp-") as folder:
        copy = path_of(Path(folder), project.known_id)
        make_folder(os.path.dirname(copy))
        back_up(data_dir, project.known_id, copy)
        with store_errors(copy):
            prepare(copy, project, now, KnownProjects(Path(folder), None))
            with closing(Connections(copy)) as connections, connections.use() as connection:
                yield Transaction(connection, project.known_id, now, find_texts)
