"""`workflow-mcp database import-from`: the projects of a data directory, into the PostgreSQL database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from workflow_mcp.cli.errors import error_line
from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.cli.parameters import Json
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.settings import load_settings
from workflow_mcp.storage.kinds import postgresql
from workflow_mcp.storage.sqlite.known import KnownProjects
from workflow_mcp.work.text import quoted

if TYPE_CHECKING:
    from workflow_mcp.storage.moving import Moved, Report

DIFFERENT = "differs: the database knows another history of it, and was left as it is"


def import_from(
    folder: Annotated[str, Parameter(help="A data directory: the folder that `projects` is in.")],
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Bring all projects of a data directory into the PostgreSQL database; the files stay as they are.

    Each comes whole or not at all, and one that is there already is left as it is: repeat it as often as you like.
    Exits with 1 when not all could be brought.
    """
    settings = load_settings()
    if settings.database_url is None:
        what = "WORKFLOW_MCP_DATABASE_URL is not set: there is nowhere to bring the projects to."
        raise UsageError(Code.SETTING_INVALID, what, "set it to postgresql://user:password@host/database.")
    data_dir = Path(os.path.normpath(settings.absolute(folder)))
    if not os.path.isdir(data_dir / "projects"):
        what = f"{data_dir} is no data directory: it has no folder `projects`."
        raise UsageError(Code.FILE_UNREADABLE, what, "name the folder that WORKFLOW_MCP_DATA_DIR named so far.")
    postgresql("moving")  # refused here where what it needs is not installed
    from workflow_mcp.storage.moving import move_all

    known, url = KnownProjects(data_dir, settings.state_dir), settings.database_url
    report = move_all(url, data_dir, known, pooled=settings.pooled, dry_run=dry_run)
    if as_json:
        print_json({"from": str(data_dir), "dry_run": dry_run, **_object(report)})
    else:
        _print(report, dry_run=dry_run)
    if not report.is_complete:
        sys.exit(1)


def _object(report: Report) -> dict[str, Any]:
    return {
        "complete": report.is_complete,
        "projects": [
            {
                "id": one.project.id,
                "name": one.project.name,
                "outcome": one.outcome,
                "items": one.contents.items,
                "members": one.contents.members,
            }
            for one in report.moved
        ],
        "problems": [error_line(error) for error in report.problems],
        "left_in_trash": list(report.trash),
    }


def _print(report: Report, *, dry_run: bool) -> None:
    for one in report.moved:
        print_text(f"{quoted(one.project.name)}  {one.project.id}  {_told(one, dry_run=dry_run)}")
    for error in report.problems:
        print_text(f"! {error_line(error)}")
    if report.trash:
        print_text(f"{len(report.trash)} deleted stay in the trash: {os.path.dirname(report.trash[0])}")
    if not report.moved and not report.problems:
        print_text("There are no projects there.")
    if any(not one.contents.members and one.outcome == "moved" for one in report.moved):
        print_text("Where tokens are required, nobody reaches a project without members: `workflow-mcp members add`.")


def _told(one: Moved, *, dry_run: bool) -> str:
    if one.outcome == "different":
        return DIFFERENT
    moved = f"{one.contents.items} items {'would be brought' if dry_run else 'brought'}"
    return moved if one.outcome == "moved" else "there already"
