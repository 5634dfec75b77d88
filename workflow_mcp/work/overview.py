"""What a session is told of its project: how much there is to do, what it holds, and what comes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow_mcp.work.values import Counts, ItemSummary

MAX_READY = 5
MAX_HELD = 20


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that somebody took up, and until when the claim on it holds or held; None where it has no end."""

    item: ItemSummary
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """A project's work as one agent sees it.

    Attributes:
        project: the project's name.
        counts: how many items are in which state; None where they were not counted.
        held: what the agent, or one that it answers for, holds.
        ready: the first that can be claimed.
    """

    project: str
    counts: Counts | None = None
    held: tuple[HeldItem, ...] = ()
    ready: tuple[ItemSummary, ...] = ()
