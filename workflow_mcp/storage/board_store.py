"""The part of the store that shows a project's work as a board."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from workflow_mcp.storage.reading_store import ReadingStore
from workflow_mcp.work.validation import check_ids, check_query
from workflow_mcp.work.values import ItemQuery, Project

if TYPE_CHECKING:
    from workflow_mcp.work.board import Board, BoardQuery, Card, Column, Graph


class BoardStore(ReadingStore):
    """Cards of a project's work items. All calls read, each at one moment."""

    async def board(self, project: Project, query: BoardQuery) -> Board:
        """All columns and epics.

        Raises:
            WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`, for the epic; `ITEM_INVALID`.
        """
        from workflow_mcp.storage.items import board

        _check(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(board.board_of, query=query))

    async def column(self, project: Project, name: str, query: BoardQuery, cursor: str | None) -> Column:
        """One column, from a cursor on.

        Raises:
            WorkItemError: `ITEM_INVALID`.
            UsageError: `CURSOR_INVALID`.
        """
        from workflow_mcp.storage.items import board

        _check(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(board.column_of, name=name, query=query, cursor=cursor))

    async def cards(self, project: Project, ids: Sequence[int]) -> tuple[Card, ...]:
        """The cards of items, in this order, deleted ones too; unknown ids are left out."""
        from workflow_mcp.storage.items import board

        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(board.cards_of, ids=ids))

    async def tree(self, project: Project, query: BoardQuery, *, finished_too: bool) -> tuple[Card, ...]:
        """The cards of what is open, or of everything, by id."""
        from workflow_mcp.storage.items import board

        _check(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(board.tree_of, query=query, finished_too=finished_too))

    async def graph(self, project: Project, epic: int) -> Graph:
        """What is below an epic, and what blocks what.

        Raises:
            WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`.
        """
        from workflow_mcp.storage.items import board

        check_ids([epic])
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(board.graph_of, epic=epic))


def _check(query: BoardQuery) -> None:
    check_query(ItemQuery("open", text=query.text, below=query.epic, limit=query.limit))
