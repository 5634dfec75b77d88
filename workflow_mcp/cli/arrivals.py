"""What an import from another program made of each item, for people and for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_mcp.cli.output import print_json, print_text
from workflow_mcp.work.importers.values import Format, Place, Skipped
from workflow_mcp.work.results import Arrival
from workflow_mcp.work.text import quoted, visible

MAX_SHOWN_ROWS = 50
HEADINGS = ("", "item", "title", "where", "remarks")
MIN_TABLE_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the report: an item, or something that was skipped."""

    outcome: str
    what: str
    title: str
    place: str
    remarks: tuple[str, ...]

    def cells(self) -> tuple[str, ...]:
        """The row as cells of a table."""
        return (self.outcome, self.what, self.title, self.place, "\n".join(self.remarks))

    def line(self) -> str:
        """The row as a line of text."""
        title = f" {quoted(self.title)}" if self.title else ""
        remarks = f": {visible('; '.join(self.remarks))}" if self.remarks else ""
        return f"{self.outcome} {visible(self.what)}{title} ({self.place}){remarks}"


def _print_table(rows: Sequence[Row]) -> bool:
    from workflow_mcp.cli.tables import print_cells

    return print_cells(HEADINGS, [row.cells() for row in rows], min_width=MIN_TABLE_WIDTH)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an import.

    Attributes:
        project: the project's name.
        source: whose format it was.
        arrivals: what came of each item.
        skipped: what was not imported.
        dry_run: whether it was only tried.
    """

    project: str
    source: Format
    arrivals: Sequence[Arrival]
    skipped: Sequence[Skipped]
    dry_run: bool

    def print(self) -> None:
        """Print every item of a trial, else those that people have to know of."""
        print_text(self._summary())
        rows = list(self._rows())
        if self.dry_run and sys.stdout.isatty() and _print_table(rows):
            return
        shown = rows if self.dry_run else rows[:MAX_SHOWN_ROWS]
        more = [f"… and {len(rows) - len(shown)} more; `--json` prints all"] if len(rows) > len(shown) else []
        if lines := [*(row.line() for row in shown), *more]:
            print_text("\n".join(lines))

    def print_json(self) -> None:
        """Print all of it as JSON."""
        skipped = [{"what": one.what, "why": one.why, **_place(one.place)} for one in self.skipped]
        print_json(
            {
                "project": self.project,
                "from": self.source,
                "dry_run": self.dry_run,
                "counts": self._counts(),
                "items": [_object(one) for one in self.arrivals],
                "skipped": skipped,
            }
        )

    def _summary(self) -> str:
        counts = (f"{count} {name.replace('_', ' ')}" for name, count in self._counts().items() if count)
        tried = ", tried only" if self.dry_run else ""
        return f"{self.source} into {self.project}{tried}: {', '.join(counts) or 'nothing'}"

    def _counts(self) -> dict[str, int]:
        outcomes = Counter(one.outcome for one in self.arrivals)
        return {
            **{name: outcomes[name] for name in ("new", "updated", "unchanged")},
            "deleted_here": outcomes["deleted"],
            "kept_as_here": sum(bool(one.kept) for one in self.arrivals),
            "lossy": sum(bool(one.losses) for one in self.arrivals if one.outcome != "unchanged"),
            "skipped": len(self.skipped),
        }

    def _rows(self) -> Iterator[Row]:
        for one in self.arrivals:
            remarks = tuple(_remarks(one))
            if self.dry_run or remarks:
                number = f"#{one.id} " if one.id is not None else ""
                yield Row(one.outcome, number + one.item.external_ref, one.item.title, str(one.item.place), remarks)
        for left in self.skipped:
            yield Row("skipped", left.what, "", str(left.place), (left.why,))


def _remarks(one: Arrival) -> Iterator[str]:
    if one.outcome == "deleted":
        yield "it was deleted here and stays so"
    if one.changed:
        yield f"changed: {', '.join(one.changed)}"
    for name, why in one.kept.items():
        yield f"kept as it is here: {name} ({why})"
    if one.outcome != "unchanged":
        yield from one.losses


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.path, "line": place.line}


def _object(one: Arrival) -> dict[str, Any]:
    return {
        "outcome": one.outcome,
        "id": one.id,
        "external_ref": one.item.external_ref,
        "title": one.item.title,
        **_place(one.item.place),
        "changed": list(one.changed),
        "kept": dict(one.kept),
        "lossy": list(one.losses),
    }
