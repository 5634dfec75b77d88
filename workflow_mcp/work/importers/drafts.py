"""An item while it is put together from what another program wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from workflow_mcp.errors import WorkflowError, shown
from workflow_mcp.work.importers import cleaning
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.values import Place, Relation, SourceItem, SourceLink, SourceNote
from workflow_mcp.work.records import MAX_REF_LENGTH
from workflow_mcp.work.text import has_visible
from workflow_mcp.work.validation import MAX_CRITERIA, MAX_ENTRY_LENGTH, check_new
from workflow_mcp.work.values import FINISHED, Criterion, NewItem


@dataclass(slots=True)
class Draft:
    """What is known of an item so far; whatever is given to it is made to fit, and what does not is a loss.

    Attributes:
        seen_at: when its file was written, for items that have no times of their own.
    """

    external_ref: str
    place: Place
    seen_at: datetime
    item_type: str = "task"
    status: str = "pending"
    priority: int = 2
    parent: str | None = None
    losses: list[str] = field(default_factory=list)
    _title: str = ""
    _sections: list[str] = field(default_factory=list)
    _acceptance: list[Criterion] = field(default_factory=list)
    _labels: list[str] = field(default_factory=list)
    _links: dict[SourceLink, None] = field(default_factory=dict)
    _notes: list[SourceNote] = field(default_factory=list)
    _assignee: str | None = None
    _created_by: str = ""
    _times: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.external_ref) > MAX_REF_LENGTH:
            raise invalid(self.place, f"the id {shown(self.external_ref)} has more than {MAX_REF_LENGTH} characters")

    def title(self, text: str) -> None:
        """Set the title; the whole of one that is too long begins the description."""
        self._title = cleaning.title_of(text, self.external_ref, self.losses)
        if len(cleaning.line_of(text)) > len(self._title):
            self._sections.insert(0, cleaning.line_of(text))

    def section(self, heading: str, text: str) -> None:
        """Add a text to the description, below a heading unless that is empty."""
        found = cleaning.text_of(text, self.losses)
        if has_visible(found):
            self._sections.append(f"## {heading}\n\n{found}" if heading else found)

    def criteria(self, criteria: Iterable[tuple[str, bool]]) -> None:
        """Set the acceptance criteria, each with whether it is met; too many or too long ones are a section instead."""
        given = {cleaning.line_of(text): met for text, met in criteria}
        found = [Criterion(text, met) for text, met in given.items() if has_visible(text)]
        if len(found) <= MAX_CRITERIA and all(len(one.text) <= MAX_ENTRY_LENGTH for one in found):
            self._acceptance = found
        else:
            self.losses.append("acceptance criteria became a part of the description")
            self.section("Acceptance criteria", "\n".join(f"- [{'x' if one.met else ' '}] {one.text}" for one in found))

    def labels(self, labels: Iterable[str]) -> None:
        """Add labels."""
        self._labels += labels

    def assignees(self, names: Iterable[str]) -> None:
        """Set the assignee: the first of these; there can be but one."""
        first, *others = [name for name in names if name.strip()] or [""]
        self._assignee = cleaning.name_of(first, self.losses) if first else None
        if others:
            self.losses.append(f"assignees left out: {', '.join(shown(name) for name in others)}")

    def created_by(self, name: str) -> None:
        """Set who made it."""
        self._created_by = (cleaning.name_of(name, self.losses) if name.strip() else None) or ""

    def time(self, what: str, text: str) -> None:
        """Set when it was `created`, `updated` or `completed`."""
        at = cleaning.time_of(text, f"the time it was {what}", self.losses)
        if at is not None:
            self._times[what] = at

    def became(self, what: str, old: str, new: str, *, label: str = "") -> None:
        """Note that a value of a choice has become another one; `label` keeps the old one."""
        self.losses.append(f"{what} {shown(old)} became {new}{', and a label' if label else ''}")
        self._labels += [label] if label else []

    def below(self, parent: str) -> None:
        """Set the parent; of several, the first, and the others are related."""
        if self.parent in (None, parent):
            self.parent = parent
        else:
            self.losses.append(f"its further parent {parent} became a related item")
            self.link("relates_to", parent)

    def link(self, relation: Relation, other: str) -> None:
        """Add a link, once."""
        self._links[SourceLink(relation, other)] = None

    def note(self, author: str, at: str, text: str) -> None:
        """Add a comment; a long one in parts."""
        name = cleaning.name_of(author, self.losses) if author.strip() else None
        time = cleaning.time_of(at, "the time of a comment", self.losses) or self._first_time()
        for part in cleaning.note_parts(cleaning.text_of(text, self.losses)):
            self._notes.append(SourceNote(time, name or self._program, part))

    @property
    def _program(self) -> str:
        return self.external_ref.partition(":")[0]

    def _first_time(self) -> datetime:
        return self._times.get("created") or self._times.get("updated") or self.seen_at

    def finished(self) -> SourceItem:
        """The item.

        Raises:
            WorkItemError: `IMPORT_INVALID`.
        """
        description, *rest = cleaning.parts_of("\n\n".join(self._sections))
        updated = self._times.get("updated") or self._times.get("completed") or self._first_time()
        done = self.status in FINISHED
        item = SourceItem(
            external_ref=self.external_ref,
            place=self.place,
            title=self._title,
            description=description,
            item_type=self.item_type,
            status=self.status,
            priority=self.priority,
            assignee=self._assignee,
            acceptance=tuple(self._acceptance),
            labels=cleaning.labels_of(self._labels, self.losses),
            parent=self.parent,
            links=tuple(self._links),
            notes=(*(SourceNote(self._first_time(), self._program, part) for part in rest), *self._notes),
            created_at=self._first_time(),
            updated_at=updated,
            completed_at=(self._times.get("completed") or updated) if done else None,
            created_by=self._created_by or self._program,
            losses=tuple(dict.fromkeys(self.losses)),
        )
        _check(item)
        return item


def _check(item: SourceItem) -> None:
    values = (item.title, item.item_type, item.description, item.priority, item.labels)
    try:
        criteria = tuple(one.text for one in item.acceptance)
        check_new("item", NewItem(*values, assignee=item.assignee, acceptance=criteria))
    except WorkflowError as error:
        raise invalid(item.place, error.message.rstrip(".")) from error
