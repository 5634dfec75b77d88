"""What importers read and give; times are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from workflow_mcp.work.values import Criterion

Format = Literal["claude-tasks", "beads", "task-master", "backlog", "github"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)

# `blocked_by` is a link of the other item to this one; the others are links of this one to the other.
Relation = Literal["blocked_by", "relates_to", "duplicates", "discovered_from"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of another program.

    Attributes:
        path: how it is named to the user.
        group: what sets its ids apart from those of the same kind of file elsewhere: a list's name; else empty.
    """

    path: str
    text: str
    modified_at: datetime
    group: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@dataclass(frozen=True, slots=True)
class SourceNote:
    """A comment on an item."""

    at: datetime
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceLink:
    """A link of an item to the one with this `external_ref`, which need not be there."""

    relation: Relation
    other: str


@dataclass(frozen=True, slots=True)
class SourceItem:
    """An item of another program, as what it will be here; every value is one that an item can have.

    Attributes:
        external_ref: `FORMAT:ID`, what it is known by from one import to the next.
        place: where it was read.
        parent: the `external_ref` of its parent, which need not be there.
        losses: a phrase for each thing that could not be kept as it was.
    """

    external_ref: str
    place: Place
    title: str
    description: str
    item_type: str
    status: str
    priority: int
    assignee: str | None
    acceptance: tuple[Criterion, ...]
    labels: tuple[str, ...]
    parent: str | None
    links: tuple[SourceLink, ...]
    notes: tuple[SourceNote, ...]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    created_by: str
    losses: tuple[str, ...] = ()

    @property
    def relatives(self) -> tuple[str, ...]:
        """The `external_ref` of each item that it is related to, its parent first."""
        return tuple(dict.fromkeys([*([self.parent] if self.parent else []), *(link.other for link in self.links)]))


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not imported, and why."""

    place: Place
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class SourceItems:
    """All that was read, parents before what is below them."""

    items: tuple[SourceItem, ...]
    skipped: tuple[Skipped, ...] = ()
