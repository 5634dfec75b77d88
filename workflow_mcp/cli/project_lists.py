"""How projects are listed: as rows, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workflow_mcp.cli.output import print_text
from workflow_mcp.work.text import quoted

if TYPE_CHECKING:
    from workflow_mcp.storage.projects.inventory import Entry

PREFIX_LENGTH = 8


def short_id(project_id: str, others: Sequence[str]) -> str:
    """As much of the beginning of an id as no other has, at least eight characters."""
    length = PREFIX_LENGTH
    while any(other != project_id and other.startswith(project_id[:length]) for other in others):
        length += 1
    return project_id[:length]


def print_rows(listed: Sequence[Entry], ids: Sequence[str]) -> None:
    """Print a line for each project."""
    for one in listed:
        print_text(f"{quoted(one.project.name)}  {short_id(one.project.known_id, ids)}  {_told(one)}")


def _told(one: Entry) -> str:
    changed = "" if one.changed_at is None else f"  changed {day(one.changed_at)} in {one.directory}"
    return f"{one.items} items{changed}{_state(one)}"


def _state(one: Entry) -> str:
    since = one.deleted_at or one.archived_at
    return "" if since is None else f"  ({one.state} {day(since)})"


def day(at: datetime) -> str:
    """The day of a time."""
    return f"{at:%Y-%m-%d}"


def object_of(one: Entry) -> dict[str, Any]:
    """A project as a JSON-serializable object."""
    return {
        "id": one.project.id,
        "name": one.project.name,
        "state": one.state,
        "items": one.items,
        "changed_at": _text(one.changed_at),
        "directory": one.directory,
        "archived_at": _text(one.archived_at),
        "deleted_at": _text(one.deleted_at),
        "file": one.file,
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
