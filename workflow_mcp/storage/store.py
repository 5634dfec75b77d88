"""The store of all projects' work; each call names its project and reaches only that one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from workflow_mcp.storage.board_store import BoardStore
from workflow_mcp.storage.claim_queue import ClaimQueues
from workflow_mcp.storage.databases import Databases
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work import validation
from workflow_mcp.work.values import (
    Actor,
    ItemUpdate,
    NewItem,
    Project,
)

if TYPE_CHECKING:
    from workflow_mcp.work.importers.values import SourceItem
    from workflow_mcp.work.results import Arrival, Claim, CreateResult, ImportResult, LinkResult, UpdateResult


class Store(BoardStore):
    """All projects' work; safe to use from many processes at once.

    What a call runs is imported by the call, because a command makes one call only.

    Every call that touches a project may raise `StoreError`, when its file cannot be used. Calls that change
    something make the file when there is none; calls that read find nothing then, and make nothing. A call that
    raises has stored nothing.

    Args:
        databases: the databases that hold the data; closed with the store.
        threads: run the blocking work.
        queues: those who wait for an item; default: nobody yet.
        principal: see `ProjectStore`.
    """

    def __init__(
        self,
        databases: Databases,
        *,
        threads: WorkerThreads,
        queues: ClaimQueues | None = None,
        principal: str | None = None,
    ) -> None:
        super().__init__(databases, principal)
        self._threads = threads
        self._queues = ClaimQueues(databases) if queues is None else queues

    def of_member(self, principal: str) -> Store:
        """The same store as this principal reaches it: there are no projects but those that it is a member of.

        Its calls also raise `PROJECT_UNKNOWN`, the same for a project of others as for none, and `ROLE_INSUFFICIENT`.
        """
        return Store(self._all, threads=self._threads, queues=self._queues, principal=principal)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def end_waits(self) -> None:
        """Let those who wait for an item raise `STORE_CLOSED`, and nobody wait from now on."""
        self._queues.end()

    async def aclose(self) -> None:
        """Finish running transactions and close all databases; safe to repeat."""
        await self._all.close()

    async def create_items(
        self, project: Project, items: Sequence[NewItem], actor: Actor, request_id: str | None = None
    ) -> CreateResult:
        """Create 1 to 100 items, all or none; a repeated `request_id` returns what it created the first time.

        Raises:
            WorkItemError: `ITEM_INVALID`, `ITEM_NOT_FOUND`, `ITEM_DELETED`, `ITEM_CYCLE` or `ITEM_TOO_DEEP`.
        """
        from workflow_mcp.storage.items.creation import Creation

        creation = Creation(items, actor, request_id)
        async with self._databases.use(project) as database:
            return await database.write(creation.run)

    async def claim_item(
        self,
        project: Project,
        actor: Actor,
        item_id: int | None = None,
        *,
        lease: timedelta = validation.DEFAULT_LEASE,
        item_type: str | None = None,
        label: str | None = None,
        request_id: str | None = None,
        wait_seconds: float = 0,
        wanted_still: Callable[[], Awaitable[bool]] | None = None,
    ) -> Claim | None:
        """Claim an item, or the first ready one of this type and label that is not assigned to another actor.

        None when there is none within `wait_seconds`, or `wanted_still` says no before one that was waited for is
        taken. A repeated `request_id` claims the same item again, at once.

        Raises:
            WorkItemError: `ITEM_NOT_FOUND`, `ITEM_DELETED`, `ITEM_INVALID`, `ITEM_NOT_READY` or `ITEM_CLAIMED`; a call
                that waits raises the last two only where waiting would not help.
        """
        from workflow_mcp.storage.items import claims

        wanted = claims.Wanted(actor, item_id, lease, item_type, label, request_id, waits=wait_seconds > 0)
        claims.check_claim(wanted)
        if wanted.waits:
            return await self._queues.claim(project, wanted, wait_seconds, wanted_still, through=self._databases)
        async with self._databases.use(project) as database:
            return await database.write(partial(claims.claim, wanted=wanted), beside=not wanted.is_named)

    async def update_items(
        self,
        project: Project,
        given: Sequence[ItemUpdate],
        actor: Actor,
        *,
        evidence_required_by: str | None = None,
    ) -> UpdateResult:
        """Change 1 to 100 items, all or none.

        Args:
            project: whose items they are.
            given: the changes.
            actor: who makes them.
            evidence_required_by: the path of the config that lets no item be completed without at least one piece of
                evidence and all criteria met; None where that is not required.

        Raises:
            WorkItemError: `VERSION_CONFLICT`, `ITEM_CLAIMED`, `ITEM_NOT_READY`, `ITEM_UNFINISHED` and
                `EVIDENCE_REQUIRED` (an `ItemError`, with the current row), `ITEM_INVALID`, `ITEM_NOT_FOUND`,
                `ITEM_DELETED`, `ITEM_CYCLE` or `ITEM_TOO_DEEP`.
        """
        from workflow_mcp.storage.items import updates

        updates.check_updates(given, actor)
        work = partial(updates.apply_updates, given=given, actor=actor, evidence_required_by=evidence_required_by)
        async with self._databases.use(project) as database:
            return await database.write(work)

    async def link_items(
        self, project: Project, item_id: int, other: int, kind: str, actor: Actor, *, remove: bool = False
    ) -> LinkResult:
        """Link `item_id` to `other`, or remove the link.

        Raises:
            WorkItemError: `ITEM_INVALID`, `ITEM_NOT_FOUND`, `ITEM_DELETED` or `ITEM_CYCLE`.
        """
        from workflow_mcp.storage.links import linking

        linking.check_link(item_id, other, kind, actor)
        work = partial(linking.link, item_id=item_id, other=other, kind=kind, actor=actor, remove=remove)
        async with self._databases.use(project) as database:
            return await database.write(work)

    async def delete_items(
        self, project: Project, ids: Sequence[int], actor: Actor, *, restore: bool = False, confirm: bool = False
    ) -> UpdateResult:
        """Delete items with all below them, or restore them; deleted items stay stored and are hidden.

        Raises:
            WorkItemError: `CHILDREN_NEED_CONFIRM`, `ITEM_CLAIMED`, `PARENT_DELETED` or `ITEM_NOT_FOUND`.
        """
        from workflow_mcp.storage.items import deletion

        deletion.check_deletion(ids, actor)
        async with self._databases.use(project) as database:
            if restore:
                return await database.write(partial(deletion.restore_items, ids=ids, actor=actor))
            return await database.write(partial(deletion.delete_items, ids=ids, actor=actor, confirm=confirm))

    async def import_items(self, project: Project, records: Iterable[Any], actor: Actor) -> ImportResult:
        """Add exported records to the project, all at once or none; records that were added before change nothing.

        Args:
            project: where they are added; other writers go on meanwhile.
            records: what `export` gives; iterated twice.
            actor: who adds them.

        Raises:
            WorkItemError: `IMPORT_INVALID`, naming the line; `IMPORT_RUNNING`.
        """
        from workflow_mcp.storage.transfer import import_run

        validation.check_actor(actor)
        outline = await import_run.check_records(self._threads, records)
        async with self._databases.use(project) as database:
            return await import_run.run_import(database, self._threads, records, outline, actor)

    async def synchronize(self, project: Project, items: Sequence[SourceItem], actor: Actor) -> tuple[Arrival, ...]:
        """Add another program's items, or bring those up to date that were added before; all at once or nothing.

        Args:
            project: where they are added; other writers go on meanwhile.
            items: checked, parents before their children.
            actor: who adds them.

        Raises:
            WorkItemError: `IMPORT_RUNNING`; `IMPORT_INVALID` when there are no ids left.
        """
        from workflow_mcp.storage.transfer import import_run

        validation.check_actor(actor)
        async with self._databases.use(project) as database:
            return await import_run.run_synchronization(database, self._threads, items, actor)

    async def foresee(self, project: Project, items: Sequence[SourceItem]) -> tuple[Arrival, ...]:
        """What `synchronize` would make of each item, as far as can be told without it; changes nothing."""
        from workflow_mcp.storage.transfer import import_run

        async with self._databases.use_to_read(project) as database:
            return await import_run.foresee(database, items)
