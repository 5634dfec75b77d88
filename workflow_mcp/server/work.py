"""What the work-item tools do, once it is known whose work it is. Imported by the first call that needs the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.server import rows
from workflow_mcp.server.arguments import NewWorkItem, WorkItemUpdate
from workflow_mcp.server.item_results import detail_result, item_result
from workflow_mcp.server.results import ClaimResult, WorkItemDetail
from workflow_mcp.work.values import UNSET, Actor, Item, ItemDetail, ItemQuery, ItemSummary, ItemUpdate, NewItem
from workflow_mcp.workspace.projects import Data, dry_run_error


@dataclass(frozen=True, slots=True)
class Desk:
    """One project's data in the hands of one actor.

    Attributes:
        identified: whether the actor's name is told or derived from a session, and so is nobody else's.
    """

    data: Data
    actor: Actor
    identified: bool

    async def create(self, items: Sequence[NewWorkItem], request_id: str | None) -> str:
        """Create items, and say their ids."""
        self._allow(f"{len(items)} work items would be created")
        new = [_new_item(item) for item in items]
        created = await self.data.store.create_items(self.data.project, new, self.actor, request_id)
        return rows.changed_text(self.data.project, f"created {len(created)}", created, (), self.data.note)

    async def list(self, query: ItemQuery) -> str:
        """A page of items that fits."""
        asked = replace(query, actor=query.assignee or self.actor.name)
        room = rows.room_for_rows(self.data.project, self.data.note)
        while True:
            page = await self.data.store.list_items(self.data.project, asked)
            told = [rows.row(item) for item in page.items]
            fitting = rows.that_fit(told, room)
            if fitting == len(told):
                return rows.page_text(self.data.project, page, told, self.data.note)
            # Looked at anew for its cursor, and measured anew: titles may become longer in between.
            asked = replace(asked, limit=fitting)

    async def get(self, item_id: int) -> WorkItemDetail:
        """All about one item."""
        return detail_result(self.data.project, await self.detail(item_id))

    async def detail(self, item_id: int) -> ItemDetail:
        """All about one item, as the store has it."""
        return await self.data.store.get_item(self.data.project, item_id)

    async def claim(
        self, item_id: int | None, lease_minutes: int, item_type: str | None, label: str | None
    ) -> ClaimResult:
        """Claim an item, or the first ready one."""
        if not self.identified:
            raise UsageError(
                Code.ACTOR_REQUIRED,
                "nothing tells this caller from others, so nobody could know whose claim it is.",
                'call claim_work_item(actor="a name of your own") and keep to that name.',
            )
        self._allow("a work item would be claimed")
        item = await self.data.store.claim_item(
            self.data.project,
            self.actor,
            item_id,
            lease=timedelta(minutes=lease_minutes),
            item_type=item_type,
            label=label,
        )
        return ClaimResult(
            project=self.data.project.name,
            item=None if item is None else item_result(item),
            message=await self._nothing_ready() if item is None else f"Yours as {self.actor.name}: {rows.row(item)}",
        )

    async def _nothing_ready(self) -> str:
        page = await self.data.store.list_items(self.data.project, ItemQuery(limit=1))
        return f"Nothing is ready for this: {rows.counted(page.counts)}."

    async def update(self, updates: Sequence[WorkItemUpdate]) -> str:
        """Change items, and say what became ready."""
        self._allow(f"{len(updates)} work items would be updated")
        given = [_item_update(update) for update in updates]
        result = await self.data.store.update_items(self.data.project, given, self.actor)
        return self._changed("updated", result.items, result.became_ready)

    async def link(self, item_id: int, other: int, kind: str, *, remove: bool) -> str:
        """Link two items or remove a link."""
        verb = "removed" if remove else "linked"
        self._allow(f"#{item_id} {kind} #{other} would be {verb}")
        result = await self.data.store.link_items(self.data.project, item_id, other, kind, self.actor, remove=remove)
        what = f"{verb} #{item_id} {kind} #{other}" if result.changed else "nothing had to be changed"
        return rows.changed_text(self.data.project, what, (), result.became_ready, self.data.note)

    async def delete(self, ids: Sequence[int], *, restore: bool, confirm: bool) -> str:
        """Hide items or bring them back."""
        verb = "restored" if restore else "deleted"
        self._allow(f"{len(ids)} work items would be {verb}")
        result = await self.data.store.delete_items(
            self.data.project, ids, self.actor, restore=restore, confirm=confirm
        )
        return self._changed(verb, result.items, result.became_ready)

    def _changed(self, verb: str, items: Sequence[Item], ready: Sequence[ItemSummary]) -> str:
        return rows.changed_text(self.data.project, f"{verb} {len(items)}", items, ready, self.data.note)

    def _allow(self, what: str) -> None:
        if self.data.dry_run is not None:
            raise dry_run_error(self.data.dry_run, what)


def _new_item(item: NewWorkItem) -> NewItem:
    values = item.model_dump(exclude_unset=True)
    return NewItem(**values | {name: tuple(values[name]) for name in ("labels", "depends_on") if name in values})


def _item_update(update: WorkItemUpdate) -> ItemUpdate:
    values = update.model_dump(exclude_unset=True)
    if "labels" in values:
        values["labels"] = tuple(values["labels"])
    return ItemUpdate(**{"parent": UNSET, "assignee": UNSET} | values)
