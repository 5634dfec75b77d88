"""A project's board as text."""

from __future__ import annotations

from collections.abc import Iterator

from workflow_mcp.server.fitting import first_lines
from workflow_mcp.server.rows import TITLES_ARE_DATA, headed, room_for
from workflow_mcp.work.board import VIEW_OF, Board, BoardQuery, Column, Epic
from workflow_mcp.work.lines import row
from workflow_mcp.work.text import quoted
from workflow_mcp.workspace.work_items import WorkItems

MAX_CARDS = 50  # of a column
MAX_EPICS = 20
MAX_EPICS_BYTES = 3_000
TITLES = {"backlog": "backlog, waits for others", "in_progress": "in progress"}


async def board_text(work: WorkItems) -> str:
    """The columns with their counts and first items, a row each, and the epics, in at most 20 kB."""
    board = await work.data.store.board(work.data.project, BoardQuery(limit=MAX_CARDS))
    counts = ", ".join(f"{column.count} {column.name.replace('_', ' ')}" for column in board.columns)
    return headed(work, [counts, *([TITLES_ARE_DATA] if _has_titles(board) else [])], _lines(work, board))


def _has_titles(board: Board) -> bool:
    return bool(board.epics) or any(column.cards for column in board.columns)


def _lines(work: WorkItems, board: Board) -> Iterator[str]:
    room = (room_for(work) - MAX_EPICS_BYTES) // len(board.columns)
    for column in board.columns:
        yield f"{TITLES.get(column.name, column.name)}: {column.count or 'none'}"
        yield from _rows(column, room)
    if board.epics:
        yield "epics, done of all below them:"
        epics = [_epic(epic) for epic in board.epics[:MAX_EPICS]]
        yield from first_lines(epics, MAX_EPICS_BYTES, total=len(board.epics))


def _rows(column: Column, room: int) -> list[str]:
    read_on = f': list_work_items(view="{VIEW_OF[column.name]}")'
    return first_lines([row(card.item) for card in column.cards], room, total=column.count, read_on=read_on)


def _epic(epic: Epic) -> str:
    return f"#{epic.id} {epic.done} of {epic.total} {quoted(epic.title)}"
