"""The command restore: deleted work items by their numbers, or a whole project from its backup."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from workflow_mcp.cli import backups
from workflow_mcp.cli.changes import restore_items
from workflow_mcp.cli.parameters import ActorName, Directory, Json
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.validation import parse_id


def restore(
    what: Annotated[
        tuple[str, ...],
        Parameter(help="Numbers of deleted work items, or the file of a backup (`./12` is a file, `12` a work item)."),
    ] = (),
    /,
    *,
    empty: Annotated[
        bool, Parameter(negative="", help="Instead, let the directory's project, whose file is gone, begin anew.")
    ] = False,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Bring deleted work items back, or put a backup in the place of its project's file.

    With numbers, those work items, and what was deleted with them. With a file, what `backup` wrote: what
    it replaces is kept under another name.
    """
    if empty == bool(what):
        raise _unclear("restore takes numbers of work items, a file or --empty.")
    if empty:
        backups.begin_anew(directory)
        return
    ids = [item_id for item_id in map(_ids, what) if item_id is not None]
    if len(ids) == len(what):
        restore_items(tuple(one for some in ids for one in some), actor, directory, as_json=as_json)
    elif ids or len(what) > 1:
        raise _unclear("restore takes numbers of work items or one file, not both.")
    else:
        backups.restore_file(what[0])


def _ids(text: str) -> list[int] | None:
    found = [parse_id(part) for part in text.split(",")]
    ids = [one for one in found if one is not None]
    return ids if len(ids) == len(found) else None


def _unclear(what: str) -> UsageError:
    return UsageError(Code.ARGUMENT_INVALID, what, "name one of them.")
