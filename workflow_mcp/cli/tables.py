"""Work items as a table, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from workflow_mcp.work.lines import row, time_left, waits_for
from workflow_mcp.work.text import visible
from workflow_mcp.work.values import ItemSummary

STYLES = {"ready": "green", "in_progress": "yellow", "blocked": "red", "completed": "dim", "cancelled": "dim"}
MIN_TABLE_WIDTH = 72


def print_coloured(items: Sequence[ItemSummary]) -> None:
    """Print a line for each item, as wide as the terminal, its state in colour."""
    lines = [Padding(coloured(item), (0, 0, 0, 2)) for item in items]
    Console().print(Group(*lines))


def coloured(item: ItemSummary) -> Text:
    """The row of an item, its state in colour."""
    told = Text(row(item))
    told.highlight_words([f" {item.state} "], STYLES.get(item.state, ""))
    return told


def print_tree(heading: str, rows: Iterable[tuple[int, ItemSummary]]) -> None:
    """Print items, each as far to the right as it is deep, but never beyond the middle of the terminal."""
    console = Console()
    console.print(Text(visible(heading)))
    for depth, item in rows:
        console.print(Padding(coloured(item), (0, 0, 0, min(2 * depth + 2, console.width // 2))))


def print_history(lines: Iterable[tuple[str, str, str]]) -> None:
    """Print when something happened, what, and what it changed."""
    console = Console()
    for when, what, more in lines:
        console.print(Text.assemble((f"{when} ", "dim"), what, (more, "dim")))


def print_cells(headings: Sequence[str], rows: Sequence[Sequence[str]], *, min_width: int) -> bool:
    """Print a table of texts, whole, which may have several lines; False where the terminal is too narrow for it."""
    console = Console()
    if console.width < min_width:
        return False
    table = Table(*(Column(heading, overflow="fold") for heading in headings))
    for cells in rows:
        table.add_row(*(Text(visible(cell, lines=True)) for cell in cells))
    console.print(table)
    return True


def print_table(title: str, items: Sequence[ItemSummary]) -> None:
    """Print one row for each item; where the terminal is too narrow for that, a line."""
    console = Console()
    if console.width < MIN_TABLE_WIDTH:
        console.print(Text(visible(title)))
        print_coloured(items)
        return
    table = Table("#", "type", "p", "state", "title", "assignee", title=Text(visible(title)))
    for item in items:
        state = Text.assemble((item.state, STYLES.get(item.state, "")), f" {waits_for(item)}".rstrip())
        holder = ", ".join(filter(None, (item.assignee, time_left(item))))
        told = (Text(visible(text)) for text in (item.title, holder))
        table.add_row(str(item.id), item.item_type, str(item.priority), state, *told)
    console.print(table)
