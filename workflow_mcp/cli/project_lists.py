"""How projects are listed: as rows, as a table on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from workflow_mcp.cli.output import print_text
from workflow_mcp.work.text import quoted, visible

if TYPE_CHECKING:
    from workflow_mcp.storage.projects.inventory import Entry

STYLES = {"archived": "dim", "deleted": "red"}
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
    changed = "" if one.changed_at is None else f"  changed {_day(one.changed_at)} in {one.directory}"
    return f"{one.items} items{changed}{_state(one)}"


def _state(one: Entry) -> str:
    since = one.deleted_at or one.archived_at
    return "" if since is None else f"  ({one.state} {_day(since)})"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def print_table(listed: Sequence[Entry], ids: Sequence[str]) -> None:
    """Print a table with a row for each project."""
    table = Table("name", _whole("id"), "items", _whole("changed"), _whole("in"), "state")
    for one in listed:
        changed = "" if one.changed_at is None else _day(one.changed_at)
        told = Text(visible(one.project.name)), Text(visible(one.directory or ""))
        state = Text(one.state, style=STYLES.get(one.state, ""))
        table.add_row(told[0], short_id(one.project.known_id, ids), str(one.items), changed, told[1], state)
    Console().print(table)


def _whole(heading: str) -> Column:
    # Two projects of one name may be told apart by the last characters of these.
    return Column(heading, overflow="fold")


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
