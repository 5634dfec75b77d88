"""The commands that change work items: add, update, done, note, link and delete."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from cyclopts import Parameter

from workflow_mcp.cli.answers import print_changes
from workflow_mcp.cli.local import changing
from workflow_mcp.cli.parameters import (
    Acceptance,
    ActorName,
    After,
    Description,
    Directory,
    Evidence,
    Force,
    ItemId,
    ItemIds,
    Json,
    Labels,
    Met,
    Note,
    Numbers,
    Parent,
    Priority,
    Title,
    Type,
    text_of,
)
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.server.rows import how_many
from workflow_mcp.work.results import UpdateResult
from workflow_mcp.work.values import UNSET, ItemUpdate, LinkKind, NewItem, Status
from workflow_mcp.workspace.work_items import WorkItems

DEFAULT_PRIORITY = 2


def add(
    title: Annotated[str, Parameter(help="What it is called.", allow_leading_hyphen=True)],
    /,
    *,
    description: Description = None,
    item_type: Type = None,
    priority: Priority = None,
    labels: Labels = (),
    parent: Parent = None,
    after: After = (),
    acceptance: Acceptance = (),
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Add a work item."""
    item = NewItem(
        title,
        item_type=item_type or "task",
        description=text_of(description or ""),
        priority=DEFAULT_PRIORITY if priority is None else priority,
        labels=labels,
        parent=parent,
        depends_on=after,
        acceptance=acceptance,
    )

    async def added(work: WorkItems) -> None:
        print_changes(work, "added 1", UpdateResult((await work.create([item])).items), as_json=as_json)

    changing(directory, actor, added)


@dataclass(frozen=True, slots=True)
class Changes:
    """The options of `update`."""

    title: Title = None
    description: Description = None
    item_type: Type = None
    status: Annotated[Status | None, Parameter(help="pending, in_progress (claims it), completed or cancelled.")] = None
    priority: Priority = None
    labels: Labels = ()
    remove_labels: Annotated[
        tuple[str, ...], Parameter(name="--remove-label", negative="", help="A label to remove; repeatable.")
    ] = ()
    parent: Parent = None
    no_parent: Annotated[bool, Parameter(negative="", help="Let it be below nothing.")] = False
    assignee: Annotated[str | None, Parameter(help="Who is to do it.")] = None
    no_assignee: Annotated[bool, Parameter(negative="", help="Let it be nobody's.")] = False
    acceptance: Acceptance = ()
    met: Met = ()
    unmet: Annotated[Numbers, Parameter(help="Numbers of criteria that are not met after all.")] = ()
    evidence: Evidence = ()
    note: Note = None
    force: Force = False
    expected_version: Annotated[
        int | None, Parameter(help="The version that it must have; needed for what somebody else holds.")
    ] = None

    def update(self) -> ItemUpdate:
        """The update of an item with these changes.

        Raises:
            UsageError: `ARGUMENT_INVALID`: they exclude each other, or there is none.
        """
        given = ItemUpdate(
            0,
            title=self.title,
            description=None if self.description is None else text_of(self.description),
            item_type=self.item_type,
            status=self.status,
            priority=self.priority,
            add_labels=self.labels,
            remove_labels=self.remove_labels,
            parent=_changed("parent", self.parent, removed=self.no_parent),
            assignee=_changed("assignee", self.assignee, removed=self.no_assignee),
            note=None if self.note is None else text_of(self.note),
            expected_version=self.expected_version,
            acceptance=self.acceptance or None,
            met=self.met,
            unmet=self.unmet,
            evidence=self.evidence,
            force=self.force,
        )
        if given == ItemUpdate(0, force=self.force):
            raise UsageError(Code.ARGUMENT_INVALID, "no change is named.", "run `workflow-mcp update --help`.")
        return given


NO_CHANGES = Changes()


def update(
    ids: ItemIds,
    /,
    *,
    changes: Annotated[Changes, Parameter(name="*")] = NO_CHANGES,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Change work items, all or none; --accept replaces the criteria."""
    _update("updated", ids, changes.update(), actor, directory, as_json=as_json)


def done(
    ids: ItemIds,
    /,
    *,
    note: Note = None,
    evidence: Evidence = (),
    met: Met = (),
    force: Force = False,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Complete work items, all or none; it says what became ready."""
    text = None if note is None else text_of(note)
    given = ItemUpdate(0, status="completed", note=text, evidence=evidence, met=met, force=force)
    _update("done", ids, given, actor, directory, as_json=as_json)


def note(
    item_id: ItemId,
    text: Annotated[str, Parameter(help="The note; - reads stdin.", allow_leading_hyphen=True)],
    /,
    *,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Write a note on a work item."""
    _update("noted on", (item_id,), ItemUpdate(0, note=text_of(text)), actor, directory, as_json=as_json)


def release(
    ids: ItemIds, /, *, note: Note = None, actor: ActorName = None, directory: Directory = ".", as_json: Json = False
) -> None:
    """Give work items back: they are pending again, and nobody's."""
    text = None if note is None else text_of(note)
    given = ItemUpdate(0, status="pending", note=text)
    _update("released", ids, given, actor, directory, as_json=as_json)


def link(
    item_id: ItemId,
    kind: Annotated[LinkKind, Parameter(help="blocks, relates_to, duplicates or discovered_from.")],
    other: ItemId,
    /,
    *,
    remove: Annotated[bool, Parameter(negative="", help="Remove that link instead.")] = False,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Link two work items, as in `link 4 blocks 7`."""

    async def linked(work: WorkItems) -> None:
        result = await work.link(item_id, other, kind, remove=remove)
        done = f"{'removed' if remove else 'linked'} #{item_id} {kind} #{other}"
        what = done if result.changed else "nothing had to be changed"
        print_changes(work, what, UpdateResult((), result.became_ready), as_json=as_json, changed=result.changed)

    changing(directory, actor, linked)


def delete(
    ids: ItemIds,
    /,
    *,
    confirm: Annotated[bool, Parameter(negative="", help="Delete what is below them too.")] = False,
    actor: ActorName = None,
    directory: Directory = ".",
    as_json: Json = False,
) -> None:
    """Hide work items; `workflow-mcp restore` with their numbers brings them back."""

    async def deleted(work: WorkItems) -> None:
        result = await work.delete(ids, restore=False, confirm=confirm)
        print_changes(work, how_many("deleted", result), result, as_json=as_json, below=result.below)

    changing(directory, actor, deleted)


def restore_items(ids: tuple[int, ...], actor: str | None, directory: str, *, as_json: bool) -> None:
    """Bring deleted work items back."""

    async def restored(work: WorkItems) -> None:
        result = await work.delete(ids, restore=True, confirm=False)
        print_changes(work, how_many("restored", result), result, as_json=as_json, below=result.below)

    changing(directory, actor, restored)


def _changed(what: str, value: int | str | None, *, removed: bool) -> Any:
    if removed and value is not None:
        raise UsageError(
            Code.ARGUMENT_INVALID, f"--{what} and --no-{what} exclude each other.", "leave one of them out."
        )
    return None if removed else UNSET if value is None else value


def _update(
    verb: str, ids: tuple[int, ...], given: ItemUpdate, actor: str | None, directory: str, *, as_json: bool
) -> None:
    async def updated(work: WorkItems) -> None:
        result = await work.update([replace(given, id=one) for one in dict.fromkeys(ids)])
        print_changes(work, how_many(verb, result), result, as_json=as_json, below=result.below)

    changing(directory, actor, updated)
