"""Projects as a table, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from workflow_mcp.cli.project_lists import day, print_rows, short_id
from workflow_mcp.storage.projects.inventory import Entry
from workflow_mcp.work.text import visible

STYLES = {"archived": "dim", "deleted": "red"}
MIN_TABLE_WIDTH = 72


def print_table(listed: Sequence[Entry], ids: Sequence[str]) -> None:
    """Print a table with a row for each project; where the terminal is too narrow for that, a line."""
    console = Console()
    if console.width < MIN_TABLE_WIDTH:
        print_rows(listed, ids)
        return
    table = Table("name", _whole("id"), "items", _whole("changed"), _whole("in"), "state")
    for one in listed:
        changed = "" if one.changed_at is None else day(one.changed_at)
        told = Text(visible(one.project.name)), Text(visible(one.directory or ""))
        state = Text(one.state, style=STYLES.get(one.state, ""))
        table.add_row(told[0], short_id(one.project.known_id, ids), str(one.items), changed, told[1], state)
    console.print(table)


def _whole(heading: str) -> Column:
    # Two projects of one name may be told apart by the last characters of these.
    return Column(heading, overflow="fold")
