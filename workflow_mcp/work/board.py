"""A project's work as a board: columns of cards by state, progress of epics, trees and graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from workflow_mcp.errors import shown
from workflow_mcp.work.errors import invalid
from workflow_mcp.work.values import Item

ColumnName = Literal["backlog", "ready", "in_progress", "done"]
COLUMNS: Final[tuple[ColumnName, ...]] = get_args(ColumnName)
# The view of a list that has the items of a column.
VIEW_OF: Final[Mapping[str, str]] = {
    "backlog": "blocked",
    "ready": "ready",
    "in_progress": "in_progress",
    "done": "done",
    "deleted": "deleted",
}
MAX_EPICS: Final = 100
MAX_TREE: Final = 5000
MAX_GRAPH: Final = 500


@dataclass(frozen=True, slots=True)
class Card:
    """An item, and what the board shows besides.

    Attributes:
        directory: where its holder claimed it from; None when nobody holds it.
        children: how many items that are not deleted are directly below it.
    """

    item: Item
    directory: str | None = None
    children: int = 0


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """Which items to show: those whose text has all words of `text`, and with `epic` only those below it."""

    text: str | None = None
    epic: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Column:
    """The first cards of a column, or those that follow a cursor.

    Attributes:
        count: how many items match in all.
        next_cursor: leads to the following cards; None after the last.
    """

    name: str
    count: int
    cards: tuple[Card, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Epic:
    """An epic, and how many of the items below it, at any depth and not cancelled, are done."""

    id: int
    title: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Board:
    """All columns at one moment.

    Attributes:
        event: every change up to this position of the history is in the board.
    """

    columns: tuple[Column, ...]
    epics: tuple[Epic, ...]
    event: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Items, and which of them blocks which: pairs of ids."""

    cards: tuple[Card, ...]
    edges: tuple[tuple[int, int], ...]


def view_of(column: str) -> str:
    """The view that lists a column.

    Raises:
        WorkItemError: `ITEM_INVALID`, for a column that there is not.
    """
    if column not in VIEW_OF:
        raise invalid(f"there is no column {shown(column)}.", f"name one of {', '.join(VIEW_OF)}.")
    return VIEW_OF[column]
