"""The fields of each change that the page sends; a field that there is not is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workflow_mcp.work.validation import MAX_BATCH, MAX_LEASE
from workflow_mcp.work.values import ItemType, LinkKind

# A person does not renew a claim with every change as an agent does.
LEASE_MINUTES = 8 * 60
MAX_LEASE_MINUTES = int(MAX_LEASE.total_seconds() // 60)

Texts = Annotated[list[str], Field(max_length=MAX_BATCH)]
Numbers = Annotated[list[int], Field(max_length=MAX_BATCH)]
AnyKind = LinkKind | Literal["blocked_by", "duplicated_by", "led_to"]


class Fields(BaseModel):
    """Any fields."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def values(self, *without: str) -> dict[str, Any]:
        """The fields that were sent, as the values of the store have them."""
        given = self.model_dump(exclude_unset=True, exclude=set(without))
        return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


class NewItemFields(Fields):
    """An item to create."""

    title: str
    item_type: ItemType = "task"
    description: str = ""
    priority: int = 2
    labels: Texts = []
    parent: int | None = None
    depends_on: Numbers = []
    acceptance: Texts = []


class ItemFields(Fields):
    """A change of an item.

    Attributes:
        version: the item's version that the person saw; without it the change is made whatever the item is now.
    """

    version: int | None = None


class EditFields(ItemFields):
    """New values of fields; those that are left out are kept, and a parent of null makes it a top-level item."""

    title: str | None = None
    description: str | None = None
    item_type: ItemType | None = None
    priority: int | None = None
    labels: Texts | None = None
    parent: int | None = None
    acceptance: Texts | None = None
    met: Numbers = []
    unmet: Numbers = []
    evidence: Texts = []
    force: bool = False


class MoveFields(ItemFields):
    """Where an item goes; with `force` also from somebody else's hands, or to Done before what it waits for."""

    to: Literal["backlog", "ready", "in_progress", "done", "cancelled"]
    force: bool = False


class ClaimFields(ItemFields):
    """For how long an item is taken."""

    lease_minutes: int = Field(default=LEASE_MINUTES, ge=1, le=MAX_LEASE_MINUTES)
    force: bool = False


class ReleaseFields(ItemFields):
    """An item that is given back; with `force` also somebody else's."""

    force: bool = False


class NoteFields(ItemFields):
    """A note."""

    text: str
    force: bool = False


class LinkFields(ItemFields):
    """A link, named from this item's end."""

    other: int
    kind: AnyKind
    remove: bool = False
    force: bool = False


class DeleteFields(ItemFields):
    """An item to delete; with `confirm` also what is below it."""

    confirm: bool = False
    force: bool = False
