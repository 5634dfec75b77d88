"""What `workflow-mcp doctor` is made of: steps, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "none", "ignored", "problem"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the resolution and what came of it."""

    step: str
    verdict: Verdict
    detail: str
