"""The errors about work items: each names the value that is wrong and the next call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from workflow_mcp.errors import Code, UsageError, WorkItemError, shown
from workflow_mcp.work.values import Item

MAX_SHOWN_IDS = 10
TAKE_ANOTHER = "leave it to them; call claim_work_item() for another that is ready."


class ItemError(WorkItemError):
    """An error with the items that it is about.

    Attributes:
        items: the items as they are now.
    """

    def __init__(self, code: str, message: str, next_step: str, *items: Item) -> None:
        super().__init__(code, message, next_step)
        self.items = items

    @property
    def current(self) -> Item | None:
        """The first of the items."""
        return self.items[0] if self.items else None


def numbers(ids: Iterable[int], total: int | None = None) -> str:
    """Ids as they appear in a sentence, `#1, #2`; at most ten of them, and how many more there are of `total`."""
    known = list(ids)
    rest = (len(known) if total is None else total) - MAX_SHOWN_IDS
    return ", ".join(f"#{one}" for one in known[:MAX_SHOWN_IDS]) + (f" and {rest} more" if rest > 0 else "")


def at(time: datetime) -> str:
    """A time as it appears in a sentence."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def invalid(what: str, then: str = "correct it and repeat the call; nothing of it was stored.") -> WorkItemError:
    """`ITEM_INVALID`: a value that is not allowed."""
    return WorkItemError(Code.ITEM_INVALID, what, then)


def limit_invalid(limit: object, maximum: int) -> UsageError:
    """`LIMIT_INVALID`: not an allowed number of rows for a page."""
    return UsageError(
        Code.LIMIT_INVALID,
        f"limit {shown(limit) if isinstance(limit, str) else limit} is not a whole number from 1 to {maximum}.",
        f"pass a limit of at most {maximum}, and the cursor of one page for the next.",
    )


def not_found(ids: Iterable[int]) -> WorkItemError:
    """`ITEM_NOT_FOUND`: unknown ids; ids of another project give the same error."""
    return WorkItemError(
        Code.ITEM_NOT_FOUND,
        f"this project has no work item {numbers(ids)}.",
        'call list_work_items(view="all") for the ids there are.',
    )


def no_note(item_id: int, note: int) -> WorkItemError:
    """`ITEM_INVALID`: the item has no note of this number."""
    return invalid(f"#{item_id} has no note {note}.", f"call get_work_item(id={item_id}) for its last notes.")


def deleted(item_id: int) -> WorkItemError:
    """`ITEM_DELETED`: the item is deleted and can be restored."""
    return WorkItemError(
        Code.ITEM_DELETED,
        f"work item #{item_id} was deleted.",
        f"call delete_work_items(ids=[{item_id}], restore=true) to bring it back.",
    )


def version_conflict(item: Item, expected: int, *, claimed_by_another: bool) -> ItemError:
    """`VERSION_CONFLICT`: the item was changed since it was read.

    While another actor holds the item the message leaves the version out, because passing it would override the claim.
    """
    if claimed_by_another:
        changed = f"#{item.id} has changed since version {expected}: {_short(item)}."
        return ItemError(Code.VERSION_CONFLICT, changed, TAKE_ANOTHER, item)
    return ItemError(
        Code.VERSION_CONFLICT,
        f"#{item.id} is at version {item.version}, not {expected}: {_short(item)}.",
        f"look at it, then repeat the update with expected_version={item.version}.",
        item,
    )


def claimed(item: Item) -> ItemError:
    """`ITEM_CLAIMED`: another actor holds the item."""
    until = "" if item.claim_expires_at is None else f" until {at(item.claim_expires_at)}"
    return ItemError(
        Code.ITEM_CLAIMED,
        f"#{item.id} is claimed by {shown(item.assignee)}{until}: {_short(item)}.",
        TAKE_ANOTHER,
        item,
    )


def not_ready(item: Item, reasons: Iterable[str]) -> ItemError:
    """`ITEM_NOT_READY`: the item cannot be claimed now."""
    return ItemError(
        Code.ITEM_NOT_READY,
        f"#{item.id} cannot be claimed: {'; '.join(reasons)}.",
        "call claim_work_item() without an id for the first that is ready.",
        item,
    )


def unfinished(item: Item, reasons: Iterable[str]) -> ItemError:
    """`ITEM_UNFINISHED`: the item cannot be completed before what it waits for."""
    return ItemError(
        Code.ITEM_UNFINISHED,
        f"#{item.id} cannot be completed: {'; '.join(reasons)}.",
        "finish or cancel those first, in the same call if they are done; if they are to stay open, pass force=true "
        "in this item's update.",
        item,
    )


def evidence_required(item: Item, missing: Iterable[str], config_path: str) -> ItemError:
    """`EVIDENCE_REQUIRED`: the project's config lets no item be completed without evidence and all criteria met."""
    return ItemError(
        Code.EVIDENCE_REQUIRED,
        f"#{item.id} cannot be completed: {' and '.join(missing)}; require_evidence is true in {config_path}.",
        "do what is missing; then pass evidence and the numbers of what is met with status=completed, as in "
        f'{{"id": {item.id}, "status": "completed", "evidence": ["commit 1a2b3c4"], "met": [1]}}.',
        item,
    )


def cycle(what: str) -> WorkItemError:
    """`ITEM_CYCLE`: items would wait for each other."""
    return WorkItemError(
        Code.ITEM_CYCLE,
        f"{what}, so they would wait for each other.",
        "leave that dependency or parent out, or remove the other with link_work_items(remove=true).",
    )


def too_deep(what: str, maximum: int) -> WorkItemError:
    """`ITEM_TOO_DEEP`: more levels of parents than are allowed."""
    return WorkItemError(
        Code.ITEM_TOO_DEEP, f"{what} would be more than {maximum} levels deep.", "choose a parent that is further up."
    )


def children_need_confirm(item_id: int, children: int) -> WorkItemError:
    """`CHILDREN_NEED_CONFIRM`: the items below would be deleted as well."""
    return WorkItemError(
        Code.CHILDREN_NEED_CONFIRM,
        f"#{item_id} has {children} items below it, which would be deleted with it.",
        f"look at them with list_work_items(parent={item_id}); if all are meant, pass confirm=true.",
    )


def _short(item: Item) -> str:
    holder = f" @{item.assignee}" if item.assignee else ""
    return f"{item.item_type} p{item.priority} {item.state} {shown(item.title)}{holder}"
