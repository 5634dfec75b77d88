"""A project as a table of comma-separated values, for spreadsheets (RFC 4180, but that lines end as in other files)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from workflow_mcp.work.formats.snapshot import Record, Snapshot
from workflow_mcp.work.text import visible

COLUMNS = (
    "id", "title", "type", "status", "priority", "labels", "parent", "after", "assignee", "created_by", "created_at",
    "updated_at", "completed_at", "external_ref", "description",
)  # fmt: skip
# With these a spreadsheet takes a cell for a formula; in some languages also with their wide forms.
FORMULA_STARTS = tuple("=+-@\t\uff1d\uff0b\uff0d\uff20")


def table(snapshot: Snapshot) -> str:
    """A row for each item; what a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([_cell(value) for value in _values(snapshot, item)] for item in snapshot.items.values())
    return text.getvalue().removesuffix("\n")


def _values(snapshot: Snapshot, item: Record) -> Iterator[object]:
    same = {"type": "item_type"}
    for column in COLUMNS:
        match column:
            case "labels":
                yield ", ".join(item["labels"])
            case "after":
                yield ", ".join(f"{one}" for one in snapshot.waits_for.get(item["id"], ()))
            case "external_ref":
                yield item["origin"] and item["origin"]["external_ref"]
            case _:
                yield item[same.get(column, column)]


def _cell(value: object) -> object:
    """A value that is data and no formula, also after white space and quotes, which some programs skip."""
    if not isinstance(value, str):
        return value
    text = visible(value, lines=True)
    return f"'{text}" if text.lstrip(" \n\"'").startswith(FORMULA_STARTS) else text
