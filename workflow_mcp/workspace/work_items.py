"""The work items of one project for one actor: the service behind the tools and the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.work.values import LAST, Actor, Item, ItemPage, ItemQuery, ItemSummary, ItemUpdate, NewItem, Part
from workflow_mcp.workspace.projects import ProjectData, dry_run_error

if TYPE_CHECKING:
    from workflow_mcp.work.details import ItemDetail
    from workflow_mcp.work.history import History, HistoryQuery
    from workflow_mcp.work.importers.values import SourceItem
    from workflow_mcp.work.results import Arrival, Claim, CreateResult, ImportResult, LinkResult, UpdateResult
    from workflow_mcp.work.trees import Tree

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkItems:
    """A project's work items, for one actor. Each method also raises what the store's corresponding method raises.

    Attributes:
        data: the project's data.
        actor: who reads and changes it.
        identified: whether the actor's name was given or comes from a session; otherwise callers share it.
    """

    data: ProjectData
    actor: Actor
    identified: bool = True

    async def create(self, items: Sequence[NewItem], request_id: str | None = None) -> CreateResult:
        """Create items, all or none.

        Raises:
            ProjectError: `DRY_RUN`, as in every method that changes something.
        """
        self._refuse_dry_run(f"{len(items)} work items would be created")
        return await self._changed(self.data.store.create_items(self.data.project, items, self.actor, request_id))

    async def list(self, query: ItemQuery) -> ItemPage[ItemSummary]:
        """A page of items, a summary each.

        Raises:
            UsageError: `ACTOR_REQUIRED`, for the view `mine` of an unidentified actor.
        """
        return await self.data.store.list_items(self.data.project, self._by_actor(query))

    async def list_whole(self, query: ItemQuery) -> ItemPage[Item]:
        """The same page with whole items."""
        return await self.data.store.list_whole_items(self.data.project, self._by_actor(query))

    async def tree(self, query: ItemQuery) -> Tree:
        """The open items below each other."""
        return await self.data.store.list_tree(self.data.project, query)

    async def get(self, item_id: int, part: Part = LAST) -> ItemDetail:
        """An item with its relatives and links, and its last notes and events or those that `part` names."""
        return await self.data.store.get_item(self.data.project, item_id, part)

    async def claim(
        self,
        item_id: int | None = None,
        *,
        lease: timedelta,
        item_type: str | None = None,
        label: str | None = None,
        request_id: str | None = None,
        wait_seconds: float = 0,
        wanted_still: Callable[[], Awaitable[bool]] | None = None,
    ) -> Claim | None:
        """Claim an item, or the first ready one; None when none is ready within `wait_seconds`.

        With `wanted_still` it is asked before an item that was waited for is taken; None too where it is wanted no
        longer.

        Raises:
            UsageError: `ACTOR_REQUIRED`.
        """
        self._require_actor("whose claim it is", 'call claim_work_item(actor="a name of your own")')
        self._refuse_dry_run("a work item would be claimed")
        return await self._changed(
            self.data.store.claim_item(
                self.data.project,
                self.actor,
                item_id,
                lease=lease,
                item_type=item_type,
                label=label,
                request_id=request_id,
                wait_seconds=wait_seconds,
                wanted_still=wanted_still,
            )
        )

    async def update(self, updates: Sequence[ItemUpdate]) -> UpdateResult:
        """Change items, all or none.

        Raises:
            UsageError: `ACTOR_REQUIRED`, when an unidentified actor puts an item in progress.
        """
        if any(one.status == "in_progress" and not isinstance(one.assignee, str) for one in updates):
            self._require_actor("whose work it is", 'call update_work_items(updates=…, actor="a name of your own")')
        self._refuse_dry_run(f"{len(updates)} work items would be updated")
        required_by = self.data.evidence_required_by
        return await self._changed(
            self.data.store.update_items(self.data.project, updates, self.actor, evidence_required_by=required_by)
        )

    async def link(self, item_id: int, other: int, kind: str, *, remove: bool) -> LinkResult:
        """Link two items or remove a link."""
        verb = "removed" if remove else "linked"
        self._refuse_dry_run(f"#{item_id} {kind} #{other} would be {verb}")
        return await self._changed(
            self.data.store.link_items(self.data.project, item_id, other, kind, self.actor, remove=remove)
        )

    async def delete(self, ids: Sequence[int], *, restore: bool, confirm: bool) -> UpdateResult:
        """Hide items with all below them, or bring them back."""
        self._refuse_dry_run(f"{len(ids)} work items would be {'restored' if restore else 'deleted'}")
        return await self._changed(
            self.data.store.delete_items(self.data.project, ids, self.actor, restore=restore, confirm=confirm)
        )

    async def history(self, query: HistoryQuery) -> History:
        """What happened in the project, or to one item of it."""
        return await self.data.store.history(self.data.project, query)

    def export(self) -> AsyncIterator[dict[str, Any]]:
        """All of the project as JSON-able records, as it is at one moment."""
        return self.data.store.export(self.data.project)

    async def import_records(self, records: Iterable[Any]) -> ImportResult:
        """Add exported records, all or none."""
        self._refuse_dry_run("records would be imported")
        return await self._changed(self.data.store.import_items(self.data.project, records, self.actor))

    async def synchronize(self, items: Sequence[SourceItem]) -> tuple[Arrival, ...]:
        """Add another program's items, or bring those up to date that were added before; all or none."""
        self._refuse_dry_run(f"{len(items)} work items would be imported")
        return await self._changed(self.data.store.synchronize(self.data.project, items, self.actor))

    async def foresee(self, items: Sequence[SourceItem]) -> tuple[Arrival, ...]:
        """What `synchronize` would make of each item, as far as can be told without it; changes nothing."""
        return await self.data.store.foresee(self.data.project, items)

    async def _changed(self, change: Awaitable[T]) -> T:
        result = await change
        await self.data.changed()
        return result

    def _refuse_dry_run(self, what: str) -> None:
        if self.data.dry_run_config is not None:
            raise dry_run_error(self.data.dry_run_config, what)

    def _by_actor(self, query: ItemQuery) -> ItemQuery:
        if query.view == "mine" and query.assignee is None:
            self._require_actor("whose items are yours", 'call list_work_items(view="mine", actor="your name")')
        if query.actor:
            return query
        earlier = self.actor.earlier if query.assignee is None else ()
        return replace(query, actor=query.assignee or self.actor.name, earlier=earlier)

    def _require_actor(self, what: str, call: str) -> None:
        if not self.identified:
            raise UsageError(
                Code.ACTOR_REQUIRED,
                f"nothing distinguishes this caller from others, so it would not be known {what}.",
                f"{call} and keep to that name.",
            )
