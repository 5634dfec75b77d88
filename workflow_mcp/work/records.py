"""The records of an export, one a line: what each must be, whoever wrote it. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from workflow_mcp.work.evidence import with_kind
from workflow_mcp.work.text import visible
from workflow_mcp.work.validation import MAX_LEASE, check_actor, check_kind, check_new, check_text, check_update
from workflow_mcp.work.values import FINISHED, Actor, ItemUpdate, NewItem

MAX_NUMBER = 2_000_000_000  # of ids and versions: far from where columns end, so that those to come fit too
EPOCH_YEAR, MAX_YEAR = 1970, 9000
MAX_NAME = 255
MAX_REF_LENGTH = 255
MAX_DIRECTORY = 32_768
MAX_CHANGES = 200_000  # as JSON: twice the longest description, each character an escape
MAX_MESSAGE = 300


def _time(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo is not None else at
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{error}") from error
    if at.tzinfo is None:
        raise ValueError("it has no time zone")
    if not EPOCH_YEAR <= at.year <= MAX_YEAR:
        raise ValueError(f"its year is not between {EPOCH_YEAR} and {MAX_YEAR}")
    return at


def _time_or_none(text: Any) -> datetime | None:
    return None if text is None else _time(text)


Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
Count = Annotated[int, Field(ge=0)]
Time = Annotated[datetime, BeforeValidator(_time)]
OptionalTime = Annotated[datetime | None, BeforeValidator(_time_or_none)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class _Record(_Part):
    @property
    def size(self) -> int:
        """About how many characters it has."""
        return 200


class ProjectRecord(_Record):
    """The first: whose the others are."""

    kind: Literal["project"]
    format: int
    id: str | None
    name: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.id is not None:
            UUID(self.id)
        check_text("name", self.name, MAX_NAME, blank=False, lines=False)
        return self


class CriterionRecord(_Part):
    """A criterion of an item."""

    text: str
    met: bool


class ImportedRecord(_Part):
    """What another program said of an item when it was imported; the description and the notes as digests."""

    title: str
    description: str
    item_type: str
    status: str
    priority: int
    assignee: str | None
    parent: str | None
    acceptance: list[CriterionRecord]
    labels: list[str]
    links: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    notes: list[str]


class OriginRecord(_Part):
    """Where an item was imported from."""

    external_ref: str
    imported: ImportedRecord

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_text("external_ref", self.external_ref, MAX_REF_LENGTH, blank=False, lines=False)
        _check_changes(self.imported.model_dump())
        return self


class ItemRecord(_Record):
    """An item, its labels included."""

    kind: Literal["item"]
    id: Number
    title: str
    description: str
    item_type: str
    status: str
    priority: int
    assignee: str | None
    lease_seconds: Annotated[int, Field(ge=1, le=int(MAX_LEASE.total_seconds()))] | None
    hidden_by: Annotated[int, Field(ge=0, le=MAX_NUMBER)]
    claim_expires_at: OptionalTime
    created_at: Time
    updated_at: Time
    completed_at: OptionalTime
    labels: list[str]
    parent: Number | None
    version: Number
    created_by: str
    acceptance: list[CriterionRecord] = []
    evidence: list[str] = []
    origin: OriginRecord | None = None

    @property
    def size(self) -> int:
        """See `_Record`."""
        entries = sum(len(one.text) for one in self.acceptance) + sum(map(len, self.evidence))
        return 500 + len(self.title) + len(self.description) + entries

    @property
    def unfinished(self) -> bool:
        """Whether what waits for it has to wait."""
        return self.completed_at is None and not self.hidden_by

    @model_validator(mode="after")
    def _check(self) -> Self:
        texts = (self.title, self.item_type, self.description, self.priority, tuple(self.labels))
        criteria = tuple(one.text for one in self.acceptance)
        check_new("item", NewItem(*texts, assignee=self.assignee, acceptance=criteria))
        check_update(ItemUpdate(self.id, status=self.status))
        check_actor(Actor(self.created_by, ""))
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label comes twice")
        if self.parent == self.id:
            raise ValueError("it is its own parent")
        if (self.completed_at is not None) != (self.status in FINISHED):
            raise ValueError("completed_at does not fit the status")
        self._check_claim()
        self._check_evidence()
        return self

    def _check_evidence(self) -> None:
        check_update(ItemUpdate(self.id, evidence=tuple(one.partition(": ")[2] for one in self.evidence)))
        if any(with_kind(one) != one for one in self.evidence):
            raise ValueError("evidence begins with its kind, as in 'commit: 1a2b3c4'")

    def _check_claim(self) -> None:
        if (self.claim_expires_at is None) != (self.lease_seconds is None):
            raise ValueError("a claim has both claim_expires_at and lease_seconds")
        if self.claim_expires_at is not None and self.assignee is None:
            raise ValueError("it is claimed by nobody")
        if self.claim_expires_at is not None and self.status != "in_progress":
            raise ValueError(f"it is claimed and {self.status}")


class LinkRecord(_Record):
    """A link between two items that came before it."""

    kind: Literal["link"]
    source: Number
    target: Number
    link: str

    @property
    def ends(self) -> tuple[int, int]:
        """Its items, in the one order that a link without direction has."""
        return (self.source, self.target) if self.link != "relates_to" else _sorted(self.source, self.target)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_kind(self.link)
        if self.source == self.target:
            raise ValueError("it links an item to itself")
        return self


def _sorted(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


class NoteRecord(_Record):
    """A note on an item that came before it."""

    kind: Literal["note"]
    item: Number
    at: Time
    author: str
    text: str

    @property
    def size(self) -> int:
        """See `_Record`."""
        return 200 + len(self.text)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_actor(Actor(self.author, ""))
        check_update(ItemUpdate(self.item, note=self.text))
        return self


class EventRecord(_Record):
    """What happened to an item that came before it."""

    kind: Literal["event"]
    item: Number
    at: Time
    actor: str
    directory: str
    action: Annotated[str, Field(pattern="^[a-z_]{1,32}$")]
    changes: dict[str, Any]

    @property
    def size(self) -> int:
        """See `_Record`."""
        return 300 + len(str(self.changes))

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_actor(Actor(self.actor, ""))
        check_text("directory", self.directory, MAX_DIRECTORY)
        _check_changes(self.changes)
        return self


class EndRecord(_Record):
    """The last: how many there are of each kind before it."""

    kind: Literal["end"]
    items: Count
    links: Count
    notes: Count
    events: Count


Record = ProjectRecord | ItemRecord | LinkRecord | NoteRecord | EventRecord | EndRecord
_parse: Callable[[Any], Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")]).validate_python


def _check_changes(changes: dict[str, Any]) -> None:
    try:
        text = json.dumps(changes, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (RecursionError, UnicodeEncodeError) as error:
        raise ValueError("changes hold what is no text, or are nested too deeply") from error
    if len(text) > MAX_CHANGES:
        raise ValueError(f"changes have more than {MAX_CHANGES} characters as JSON")


def read_record(given: Any) -> Record:
    """The record that a JSON object is.

    Raises:
        ValueError: it is none; says why in one line.
        WorkItemError: it has a value that could not be given to an item either.
    """
    try:
        return _parse(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        message = f"{where}: {first['msg']}" if where else first["msg"]
        raise ValueError(visible(message)[:MAX_MESSAGE]) from error
