"""The error about what cannot be imported: it names the file and the line."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_mcp.errors import Code, WorkItemError
from workflow_mcp.work.importers.values import Place

MAX_SHOWN_LINES = 10
CORRECT_IT = "correct it there, or in the program that wrote it, and import again."


class SourceError(WorkItemError):
    """`IMPORT_INVALID`: what stands at a place cannot be imported, and so nothing is."""

    def __init__(self, place: Place, what: str, then: str = CORRECT_IT) -> None:
        super().__init__(Code.IMPORT_INVALID, f"{place}: {what}; nothing was imported.", then)
        self.place = place
        self.what = what


def invalid(place: Place, what: str) -> SourceError:
    """The error about one place."""
    return SourceError(place, what)


def all_invalid(found: Sequence[SourceError]) -> SourceError:
    """The error about several places in one file: what is wrong with the first, and the lines of the others."""
    first, *others = found
    lines = [str(one.place.line) for one in others[:MAX_SHOWN_LINES]]
    more = f" and {len(others) - len(lines)} more" if len(others) > len(lines) else ""
    also = f" (also wrong: line {', '.join(lines)}{more})" if lines else ""
    return SourceError(first.place, first.what + also)
