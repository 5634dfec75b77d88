"""What an agent of Claude Code sees of its project, read through the server's own store."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_mcp.claude_code.texts import changes_text
from workflow_mcp.work.overview import MAX_HELD, MAX_READY, HeldItem, Overview
from workflow_mcp.work.values import ItemQuery
from workflow_mcp.workspace.projects import ProjectData


async def overview_of(data: ProjectData, holders: Sequence[str], *, max_ready: int = MAX_READY) -> Overview:
    """The overview of a project.

    Args:
        data: the project's data.
        holders: the actors whose items count as held.
        max_ready: how many ready items are listed at most.
    """
    ready = await data.store.list_items(data.project, ItemQuery("ready", limit=max_ready))
    held = [one for holder in holders for one in await _held(data, holder)]
    return Overview(data.project.name, ready.counts, tuple(held[:MAX_HELD]), ready.items)


async def _held(data: ProjectData, holder: str) -> list[HeldItem]:
    page = await data.store.list_whole_items(data.project, ItemQuery("mine", actor=holder, limit=MAX_HELD))
    return [HeldItem(item, item.claim_expires_at) for item in page.items if item.status == "in_progress"]


async def changed_since(before: Overview, after: Overview, data: ProjectData) -> str:
    """What an agent is told of two looks at its project; what it finished itself it knows."""
    known, held = ({item.id for item in before.ready}, {one.item.id for one in after.held})
    let_go = [one.item.id for one in before.held if one.item.id not in held]
    gone = [(await data.store.get_item(data.project, item_id)).item for item_id in let_go]
    lost = [item for item in gone if item.completed_at is None]
    return changes_text(after.project, [item for item in after.ready if item.id not in known], lost)
