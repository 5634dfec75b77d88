"""What happened in a project, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workflow_mcp.errors import Code, UsageError

MAX_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which entries: the last `limit` of them, or with `after` the first that were stored later than that position.

    With `before` they are the last ones that were stored before that position.
    """

    item: int | None = None
    after: int | None = None
    before: int | None = None
    limit: int = 50

    def check(self) -> None:
        """Refuse what cannot be answered.

        Raises:
            UsageError: `LIMIT_INVALID`.
        """
        if not 1 <= self.limit <= MAX_ENTRIES:
            raise UsageError(
                Code.LIMIT_INVALID,
                f"limit {self.limit} is not a whole number from 1 to {MAX_ENTRIES}.",
                f"pass a limit of at most {MAX_ENTRIES}.",
            )


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of an item.

    Attributes:
        position: grows with each change that is stored.
        title: what the item is called now.
        changes: maps fields to [old, new].
    """

    position: int
    item: int
    title: str
    at: datetime
    actor: str
    directory: str
    action: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """Entries, oldest first.

    Attributes:
        settled: nothing that is not among the entries will ever be at this position or before it.
    """

    entries: tuple[Entry, ...]
    settled: int
