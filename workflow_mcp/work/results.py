"""The results of the store's calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from workflow_mcp.work.values import Item, ItemSummary, Project

if TYPE_CHECKING:
    from workflow_mcp.work.details import Briefing
    from workflow_mcp.work.importers.values import SourceItem
    from workflow_mcp.work.members import Role


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The items of a request; `repeated` when an earlier request with the same id had created them."""

    items: tuple[Item, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that its actor holds now, with what the actor has to know besides it.

    `held_since` is set when the actor already held it before the call.
    """

    item: Item
    briefing: Briefing
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The result of a change.

    Attributes:
        items: the items that the call named, as they are now.
        became_ready: the items that became ready through the change.
        unchanged: the ids of those of `items` that did not have to be changed.
        below: how many of their descendants were changed with them.
    """

    items: tuple[Item, ...]
    became_ready: tuple[ItemSummary, ...] = ()
    unchanged: tuple[int, ...] = ()
    below: int = 0


@dataclass(frozen=True, slots=True)
class LinkResult:
    """Whether a link was made or removed, and which items became ready through it."""

    changed: bool
    became_ready: tuple[ItemSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """Projects by name.

    Attributes:
        projects: the projects of this page.
        next_cursor: leads to the next page; None after the last.
        problems: a sentence for each file that could not be read.
        directories: by id, of projects that share their name, the directory that each was last changed from.
        archived: the ids of archived projects.
        hidden: how many archived projects match and are left out of all pages.
        roles: by id, what the principal may do in each project, where the projects are one principal's.
    """

    projects: tuple[Project, ...]
    next_cursor: str | None
    problems: tuple[str, ...] = ()
    directories: Mapping[str, str] = field(default_factory=dict)
    archived: frozenset[str] = frozenset()
    hidden: int = 0
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many items were imported.

    Attributes:
        renumbered: the new ids of those whose ids were already taken.
        repeated: whether the same was imported before, and so nothing now.
        unnamed: the ids of those that have no `external_ref`, because another item here had it already.
    """

    items: int
    renumbered: Mapping[int, int]
    repeated: bool = False
    unnamed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an import from another program made of one item.

    Attributes:
        item: the item there.
        outcome: `new`; `updated` and `unchanged`, where it was imported before; `deleted`, where it was deleted here.
        id: its number here; None while it has none.
        changed: the fields that changed here.
        kept: the fields that changed there and stay as they are here, each with why.
        missing: the relatives that are not here, each by its `external_ref`: nothing relates the item to them.
    """

    item: SourceItem
    outcome: Literal["new", "updated", "unchanged", "deleted"]
    id: int | None = None
    changed: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def losses(self) -> tuple[str, ...]:
        """A phrase for each thing that could not be kept as it is there."""
        return (
            *self.item.losses,
            *(f"what relates it to {ref}, which is not here, was left out" for ref in self.missing),
        )
