"""What the records of an export say together: checked in one pass, in little memory, before anything is stored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workflow_mcp.errors import Code, WorkflowError, WorkItemError, shown
from workflow_mcp.work.export_format import FORMAT
from workflow_mcp.work.graph import MAX_DEPTH, cycle_in
from workflow_mcp.work.records import (
    EndRecord,
    EventRecord,
    ItemRecord,
    LinkRecord,
    NoteRecord,
    ProjectRecord,
    Record,
    read_record,
)

KINDS: dict[type[Record], str] = {
    ItemRecord: "items",
    LinkRecord: "links",
    NoteRecord: "notes",
    EventRecord: "events",
}
MAX_PORTION_RECORDS = 250
MAX_PORTION_CHARACTERS = 250_000


@dataclass(slots=True)
class Outline:
    """What an import is made of, without its texts.

    Attributes:
        parents: the parent of each item, None of a top-level one.
        lines: the line of each item, counted from 1.
        hidden: by which item each deleted one is hidden.
        unfinished: the items that others wait for.
        blocking: which items each one waits for.
        counts: how many records of each kind there are.
        digest: tells a file from any other, however its JSON is laid out.
    """

    parents: dict[int, int | None] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    hidden: dict[int, int] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    blocking: dict[int, list[int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    digest: str = ""

    def add_item(self, record: ItemRecord) -> None:
        """Take in an item, once."""
        self.parents[record.id] = record.parent
        if record.hidden_by:
            self.hidden[record.id] = record.hidden_by
        if record.unfinished:
            self.unfinished.add(record.id)

    def add_blocker(self, record: LinkRecord) -> None:
        """Take in a link of the kind `blocks`, once."""
        self.blocking.setdefault(record.target, []).append(record.source)

    def waits(self) -> Counter[int]:
        """How many visible unfinished blockers, its ancestors' included, and children each item has."""
        found = Counter(parent for one in self.unfinished if (parent := self.parents[one]) is not None)
        waiting = {
            item: [one for one in blockers if one in self.unfinished] for item, blockers in self.blocking.items()
        }
        passed_on = {item: len(self._outside(item, blockers)) for item, blockers in waiting.items()}
        found.update({item: len(blockers) for item, blockers in waiting.items()})
        for item_id in self.parents if any(passed_on.values()) else ():
            found[item_id] += sum(passed_on.get(above, 0) for above in ancestors(self, item_id))
        return +found

    def _outside(self, item_id: int, blockers: Iterable[int]) -> list[int]:
        return [one for one in blockers if item_id not in ancestors(self, one)]


def read_outline(records: Iterable[Any]) -> Outline:
    """Check all records, each alone and together.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming the line.
    """
    reading = _Reading()
    for line, given in enumerate(records, start=1):
        try:
            reading.take(line, given)
        except WorkflowError as error:
            raise _invalid(f"line {line}: {error.message}") from error
        except ValueError as error:
            raise _invalid(f"line {line}: {error}") from error
    return reading.outline()


class _Reading:
    def __init__(self) -> None:
        self._found = Outline()
        self._links: set[tuple[str, int, int]] = set()
        self._refs: set[str] = set()
        self._digest = hashlib.sha256()
        self._begun = self._ended = False

    def take(self, line: int, given: Any) -> None:
        record = read_record(given)
        if self._ended:
            raise ValueError("it comes after the closing record")
        if self._begun == isinstance(record, ProjectRecord):
            raise ValueError("the first record, and no other, is the project's")
        self._begun = True
        self._digest.update(json.dumps(given, sort_keys=True).encode())
        self._add(line, record)
        self._found.counts[KINDS.get(type(record), "")] += 1

    def _add(self, line: int, record: Record) -> None:
        match record:
            case ProjectRecord():
                _check_format(record)
            case ItemRecord():
                self._add_item(line, record)
            case LinkRecord():
                self._add_link(record)
            case NoteRecord() | EventRecord():
                self._check_known(record.item)
            case EndRecord():
                self._ended = True
                _check_counts(self._found.counts, record)

    def _add_item(self, line: int, record: ItemRecord) -> None:
        found = self._found
        if record.id in found.parents:
            raise ValueError(f"item {record.id} was on line {found.lines[record.id]} already")
        found.lines[record.id] = line
        found.add_item(record)
        if record.origin is not None:
            self._add_ref(record.origin.external_ref)

    def _add_ref(self, ref: str) -> None:
        if ref in self._refs:
            raise ValueError(f"an item before it has the external_ref {shown(ref)} too")
        self._refs.add(ref)

    def _add_link(self, record: LinkRecord) -> None:
        self._check_known(record.source)
        self._check_known(record.target)
        link = (record.link, *record.ends)
        if link in self._links:
            raise ValueError("the same link comes twice")
        self._links.add(link)
        if record.link == "blocks":
            self._found.add_blocker(record)

    def _check_known(self, item_id: int) -> None:
        if item_id not in self._found.parents:
            raise ValueError(f"no line before it has item {item_id}")

    def outline(self) -> Outline:
        found = self._found
        if not self._ended:
            raise _invalid("the closing record is missing: the file was cut off", "export once more, to the end.")
        found.digest = self._digest.hexdigest()
        for item_id in found.parents:
            _check_family(found, item_id)
        _check_graph(found)
        return found


def _check_format(record: ProjectRecord) -> None:
    if record.format != FORMAT:
        raise ValueError(f"it has format {record.format} instead of {FORMAT}: export it again with this version")


def _check_counts(counts: Counter[str], record: EndRecord) -> None:
    for kind in KINDS.values():
        announced = getattr(record, kind)
        if announced != counts[kind]:
            raise ValueError(f"the closing record counts {announced} {kind}, but {counts[kind]} came before it")


def _check_family(found: Outline, item_id: int) -> None:
    above = list(ancestors(found, item_id))
    hidden_by, line = found.hidden.get(item_id, 0), found.lines[item_id]
    if above and above[0] not in found.parents:
        raise _invalid(f"line {line}: the parent of item {item_id} is {above[0]}, which has no line")
    if len(above) >= MAX_DEPTH:
        raise _invalid(f"line {line}: item {item_id} is more than {MAX_DEPTH} levels deep, or its own ancestor")
    if above and above[0] in found.hidden and not hidden_by:
        raise _invalid(f"line {line}: item {item_id} is not deleted, but its parent {above[0]} is")
    if hidden_by and (hidden_by not in (item_id, *above) or found.hidden.get(hidden_by) != hidden_by):
        raise _invalid(f"line {line}: item {item_id} cannot have been deleted with {hidden_by}")


def ancestors(found: Outline, item_id: int) -> Iterator[int]:
    """The ids of all that is above an item, from its parent up."""
    above = found.parents[item_id]
    for _ in range(MAX_DEPTH):
        if above is None:
            return
        yield above
        above = found.parents.get(above)


def _check_graph(found: Outline) -> None:
    waits = {target: list(blockers) for target, blockers in found.blocking.items()}
    for item_id, parent in found.parents.items():
        if parent is not None:
            waits.setdefault(parent, []).append(item_id)
    cycle = cycle_in(waits)
    if cycle:
        lines = ", ".join(str(found.lines[one]) for one in cycle[:10])
        raise _invalid(f"the items on the lines {lines} wait for each other")


def portions(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in portions that are quickly stored."""
    portion: list[Record] = []
    size = 0
    for record in records:
        portion.append(record)
        size += record.size
        if len(portion) >= MAX_PORTION_RECORDS or size >= MAX_PORTION_CHARACTERS:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _invalid(what: str, then: str = "import what this version's export wrote, unchanged.") -> WorkItemError:
    return WorkItemError(Code.IMPORT_INVALID, f"{what}; nothing was imported.", then)
