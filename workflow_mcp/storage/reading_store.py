"""The part of the store that reads a project's work items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from workflow_mcp.storage.items import listing
from workflow_mcp.storage.project_store import ProjectStore
from workflow_mcp.work import validation
from workflow_mcp.work.values import LAST, Item, ItemPage, ItemQuery, ItemSummary, Part, Project

if TYPE_CHECKING:
    from workflow_mcp.work.details import ItemDetail
    from workflow_mcp.work.history import History, HistoryQuery
    from workflow_mcp.work.trees import Tree


class ReadingStore(ProjectStore):
    """The work items of a project. Each call reads at one moment, and imports what it needs besides lists."""

    async def list_items(self, project: Project, query: ItemQuery) -> ItemPage[ItemSummary]:
        """A page of item summaries, and the counts of the whole project.

        Raises:
            WorkItemError: `ITEM_INVALID`.
            UsageError: `CURSOR_INVALID`.
        """
        validation.check_query(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(listing.list_page, query=query))

    async def list_whole_items(self, project: Project, query: ItemQuery) -> ItemPage[Item]:
        """The same page as `list_items` with whole items, which takes several times as long.

        Raises:
            WorkflowError: see `list_items`.
        """
        validation.check_query(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(listing.list_whole, query=query))

    async def list_tree(self, project: Project, query: ItemQuery) -> Tree:
        """The open items below each other, or those below `query.parent`: a page of those at the top with all below.

        Raises:
            WorkItemError: `ITEM_INVALID`.
            UsageError: `CURSOR_INVALID` or `LIMIT_INVALID`.
        """
        from workflow_mcp.storage.items import trees

        validation.check_tree(query)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(trees.list_tree, query=query))

    async def get_item(self, project: Project, item_id: int, part: Part = LAST) -> ItemDetail:
        """An item with its relatives and links, and its last 20 notes and events or those that `part` names.

        Raises:
            WorkItemError: `ITEM_NOT_FOUND` or `ITEM_DELETED`; `ITEM_INVALID` when there is no such note.
        """
        from workflow_mcp.storage.items import detail

        validation.check_ids([item_id])
        validation.check_part(item_id, part)
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(detail.detail_of, item_id=item_id, part=part))

    async def history(self, project: Project, query: HistoryQuery) -> History:
        """What happened in the project, or to one item of it.

        Raises:
            WorkItemError: `ITEM_NOT_FOUND`.
            UsageError: `LIMIT_INVALID`.
        """
        from workflow_mcp.storage.events.history import history_of

        query.check()
        if query.item is not None:
            validation.check_ids([query.item])
        async with self._databases.use_to_read(project) as database:
            return await database.read(partial(history_of, query=query))

    async def export(self, project: Project) -> AsyncIterator[dict[str, Any]]:
        """All of the project as JSON-serializable records, read in one transaction."""
        from workflow_mcp.storage.transfer.exporting import export_records

        async with (
            self._databases.use_to_read(project) as database,
            aclosing(database.portions(partial(export_records, project=project))) as portions,
        ):
            async for records in portions:
                for record in records:
                    yield record
