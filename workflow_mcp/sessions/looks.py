"""What each conversation saw of its project when it last looked, so that it can be told only what changed."""

from __future__ import annotations

from collections import OrderedDict

from workflow_mcp.work.overview import Overview

MAX_CONVERSATIONS = 1_000


class Looks:
    """The last overview of each conversation, by the name of its main agent; in memory, the oldest goes first."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, Overview] = OrderedDict()

    def exchange(self, name: str, overview: Overview) -> Overview | None:
        """Remember an overview; the one before it, None when there is none or it is of another project."""
        before = self._last.pop(name, None)
        self._last[name] = overview
        if len(self._last) > MAX_CONVERSATIONS:
            self._last.popitem(last=False)
        return before if before is not None and before.project == overview.project else None
