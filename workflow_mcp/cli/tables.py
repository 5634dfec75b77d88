"""Work items as a table, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workflow_mcp.work.text import visible
from workflow_mcp.work.values import ItemSummary

STYLES = {"ready": "green", "in_progress": "yellow", "blocked": "red", "completed": "dim", "cancelled": "dim"}


def print_cells(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of texts, which may have several lines."""
    table = Table(*headings)
    for row in rows:
        table.add_row(*(Text(visible(cell, lines=True)) for cell in row))
    Console().print(table)


def print_table(title: str, items: Sequence[ItemSummary]) -> None:
    """Print one row for each item."""
    table = Table("#", "type", "p", "state", "title", "assignee", title=Text(visible(title)))
    for item in items:
        state = Text(item.state, style=STYLES.get(item.state, ""))
        told = (Text(visible(text)) for text in (item.title, item.assignee or ""))
        table.add_row(str(item.id), item.item_type, str(item.priority), state, *told)
    Console().print(table)
