"""The values that the store takes and returns; times are in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Generic, Literal, TypeVar, get_args

ItemType = Literal["epic", "feature", "task", "bug", "research", "chore"]
Status = Literal["pending", "in_progress", "completed", "cancelled"]
LinkKind = Literal["blocks", "relates_to", "duplicates", "discovered_from"]
View = Literal["ready", "open", "mine", "blocked", "in_progress", "done", "all", "deleted"]

ITEM_TYPES: Final[tuple[str, ...]] = get_args(ItemType)
STATUSES: Final[tuple[str, ...]] = get_args(Status)
FINISHED: Final[tuple[str, ...]] = ("completed", "cancelled")
LINK_KINDS: Final[tuple[str, ...]] = get_args(LinkKind)
VIEWS: Final[tuple[str, ...]] = get_args(View)


class Unset(Enum):
    """The type of `UNSET`, the value of a field that an update does not change."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Project:
    """A project: the unit of isolation; each work item belongs to one.

    Attributes:
        id: a UUID in its usual lower-case form; None until it is written into the config that names the project.
        name: 1 to 255 printable characters.
    """

    id: str | None
    name: str

    @property
    def known_id(self) -> str:
        """The id of a project that must have one.

        Raises:
            ValueError: it has none yet.
        """
        if self.id is None:
            raise ValueError(f"the project {self.name!r} has no id yet")
        return self.id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and from which directory.

    Attributes:
        earlier: the names of those whose work this actor continues: what they and their subagents hold is its own.
    """

    name: str
    directory: str
    earlier: tuple[str, ...] = ()

    def owns(self, assignee: str | None) -> bool:
        """Whether what `assignee` holds is this actor's own."""
        return assignee is not None and (assignee == self.name or self.succeeds(assignee))

    def succeeds(self, assignee: str) -> bool:
        """Whether `assignee` is one whose work this actor continues."""
        return any(f"{assignee}/".startswith(f"{one}/") for one in self.earlier)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the criteria by which an item is accepted: what has to be so, and whether it is met."""

    text: str
    met: bool = False


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to create; `parent` and `depends_on` take ids or refs of items in the same call."""

    title: str
    item_type: str = "task"
    description: str = ""
    priority: int = 2
    labels: tuple[str, ...] = ()
    parent: int | str | None = None
    depends_on: tuple[int | str, ...] = ()
    ref: str | None = None
    assignee: str | None = None
    acceptance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """Changes to one item; None or `UNSET` leaves a field as it is.

    `parent=None` makes it a top-level item, and `assignee=None` removes the assignee. `acceptance` replaces the
    criteria, of which those that are worded as before stay met; `met` and `unmet` name criteria by their place, from 1.
    `evidence` is added to what is there. `force` completes an item although others it waits for are unfinished, and
    cancels with it what others have claimed below it.
    """

    id: int
    title: str | None = None
    description: str | None = None
    item_type: str | None = None
    status: str | None = None
    priority: int | None = None
    labels: tuple[str, ...] | None = None
    add_labels: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    parent: int | Unset | None = UNSET
    assignee: str | Unset | None = UNSET
    note: str | None = None
    expected_version: int | None = None
    acceptance: tuple[str, ...] | None = None
    met: tuple[int, ...] = ()
    unmet: tuple[int, ...] = ()
    evidence: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class ItemSummary:
    """The fields of a work item that lists show.

    Attributes:
        state: the status, except that pending items, and those whose claim has expired, are `ready` or `blocked`.
            Deleted items are `deleted`.
        lease_left: how long the claim on it still runs; None when it is not claimed.
        waits_for: the first of what a blocked item waits for, at most 4.
    """

    id: int
    title: str
    item_type: str
    state: str
    priority: int
    assignee: str | None
    lease_left: timedelta | None = field(default=None, kw_only=True)
    waits_for: tuple[int, ...] = field(default=(), kw_only=True)

    @property
    def ready(self) -> bool:
        """Whether it can be claimed now."""
        return self.state == "ready"

    @property
    def blocked(self) -> bool:
        """Whether it waits for unfinished blockers or children."""
        return self.state == "blocked"


@dataclass(frozen=True, slots=True)
class Item(ItemSummary):
    """A whole work item.

    Attributes:
        claim_expires_at: when the claim of `assignee` expires; None when it is not claimed.
        waits: how many unfinished blockers and children it has.
        acceptance: by which criteria it is accepted.
        evidence: what shows that it is done, each with its kind before it, as in `commit: 1a2b3c4`.
        external_ref: what the program that it was imported from knows it by, as in `beads:bd-a3f8`.
    """

    description: str
    status: str
    labels: tuple[str, ...]
    parent: int | None
    claim_expires_at: datetime | None
    version: int
    waits: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    created_by: str
    acceptance: tuple[Criterion, ...] = ()
    evidence: tuple[str, ...] = ()
    external_ref: str | None = None
    deleted: bool = False


ItemT = TypeVar("ItemT", bound=ItemSummary)
ItemT_co = TypeVar("ItemT_co", bound=ItemSummary, covariant=True)


@dataclass(frozen=True, slots=True)
class Part:
    """Which of an item's notes and events to read: the last ones, those before a number, or a single note."""

    note: int | None = None
    before_note: int | None = None
    before_event: int | None = None


LAST: Final = Part()


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items to list: a view and filters on it; the view `mine` is that of `actor` and of those in `earlier`.

    `parent` is for what is directly below an item, `below` for that at any depth.
    """

    view: str = "ready"
    parent: int | None = None
    below: int | None = None
    item_type: str | None = None
    label: str | None = None
    text: str | None = None
    assignee: str | None = None
    actor: str | None = None
    earlier: tuple[str, ...] = ()
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of the project are in each state, without deleted ones."""

    ready: int = 0
    blocked: int = 0
    in_progress: int = 0
    completed: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        """How many are not finished."""
        return self.ready + self.blocked + self.in_progress

    @property
    def done(self) -> int:
        """How many are finished."""
        return self.completed + self.cancelled

    @property
    def total(self) -> int:
        """How many there are."""
        return self.open + self.done


@dataclass(frozen=True, slots=True)
class ItemPage(Generic[ItemT_co]):
    """A page of items or their summaries; `next_cursor` is for the next page, None on the last one."""

    items: tuple[ItemT_co, ...]
    counts: Counts
    next_cursor: str | None
