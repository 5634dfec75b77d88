"""What lies in a data directory, and what is wrong with it; changes nothing. Blocking."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_mcp.errors import StoreError
from workflow_mcp.storage.sqlite.connections import header_of
from workflow_mcp.storage.sqlite.exchange import ASIDE, TEMPORARY, fault_in
from workflow_mcp.storage.sqlite.faults import damaged, store_errors
from workflow_mcp.storage.sqlite.files import COPY, check_owner
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.storage.sqlite.logs import LOG, findings_about, last_stamp_in
from workflow_mcp.storage.sqlite.opening import private_copy
from workflow_mcp.storage.sqlite.paths import FOLDER, SUFFIX, TRASH, path_of
from workflow_mcp.storage.sqlite.trash import DeletedCopy, absent, copies_in

LEFTOVER_AGE = 3600.0  # seconds; a younger one may belong to a process that is at work


@dataclass(frozen=True, slots=True)
class Finding:
    """One file of a data directory, or one that should be there.

    Attributes:
        is_problem: whether something has to be done about it.
        detail: what it is, on one line.
    """

    is_problem: bool
    detail: str


def examine_store(data_dir: Path, known: KnownProjects) -> Iterator[Finding]:
    """Each project's file, checked as a whole (0.1 s for 5000 items), then all that lies beside them.

    Raises:
        StoreError: the folder cannot be read.
    """
    folder, trash = str(data_dir / FOLDER), str(data_dir / TRASH)
    with store_errors(trash):
        copies = copies_in(trash)
    names, ids_in_trash = _names_in(folder), {copy.project_id for copy in copies}
    ids = [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]
    for project_id in ids:
        yield _about_project(data_dir, project_id)
    for project_id, name in known.names().items():
        if project_id not in ids and project_id not in ids_in_trash:
            yield Finding(is_problem=True, detail=str(absent(path_of(data_dir, project_id), name)))
    for name in names:
        yield from _about_leftover(os.path.join(folder, name), name)
    for copy in copies:
        yield _about_deleted(copy, is_there=copy.project_id in ids)
    for name in _names_in(trash):
        yield from _about_leftover(os.path.join(trash, name), name)


def _names_in(folder: str) -> list[str]:
    with store_errors(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _about_deleted(copy: DeletedCopy, *, is_there: bool) -> Finding:
    try:
        with store_errors(copy.file), contextlib.closing(private_copy(copy.file)) as raw:
            fault = fault_in(raw)
            if fault is not None:
                raise damaged(copy.file, fault)
            header = header_of(raw)
            check_owner(copy.file, header, copy.project_id)
    except StoreError as error:
        return Finding(is_problem=True, detail=str(error))
    then = (
        "which is there again; `workflow-mcp restore` takes this copy"
        if is_there
        else f"`workflow-mcp projects restore {copy.project_id}` brings it back"
    )
    when = f"{copy.deleted_at:%Y-%m-%d %H:%M} UTC"
    return Finding(is_problem=False, detail=f"{copy.file}: the project {header.project_name}, deleted {when}; {then}")


def _about_project(data_dir: Path, project_id: str) -> Finding:
    try:
        path = path_of(data_dir, project_id)
        with store_errors(path):
            return _about_file(path, project_id)
    except StoreError as error:
        return Finding(is_problem=True, detail=str(error))


def _about_file(path: str, project_id: str) -> Finding:
    found = findings_about(path, with_index=False) if os.path.exists(path + LOG) else None
    with contextlib.closing(private_copy(path)) as raw:
        fault = fault_in(raw)
        if fault is not None:
            raise damaged(path, fault)
        header = header_of(raw)
        check_owner(path, header, project_id)
        (items,) = raw.execute("SELECT count(*) FROM items").fetchone()
    what = f"{path}: {header.project_name}, format {header.version}, whole, {items} items"
    if found is not None and found.verdict == "foreign":
        return Finding(
            is_problem=True, detail=f"{what}; the log beside it is another file's, and is set aside at the next use"
        )
    return Finding(is_problem=False, detail=what)


def _about_leftover(path: str, name: str) -> Iterator[Finding]:
    if name.endswith(TEMPORARY) and time.time() - os.path.getmtime(path) > LEFTOVER_AGE:
        yield Finding(is_problem=False, detail=f"{path}: left by a process that was killed; nothing needs it")
    elif f"{LOG}.{ASIDE}-" in name:
        last = last_stamp_in(path)
        until = "" if last is None else f", up to transaction {last.number}"
        yield Finding(is_problem=False, detail=f"{path}: a log that was not its file's, set aside{until}")
    elif f"{SUFFIX}.{ASIDE}-" in name and not name.endswith((LOG, "-shm")):
        yield Finding(is_problem=False, detail=f"{path}: what was replaced; `workflow-mcp restore` takes it")
    elif name.endswith(COPY):
        yield Finding(
            is_problem=False, detail=f"{path}: a copy made before an upgrade; `workflow-mcp restore` takes it"
        )
