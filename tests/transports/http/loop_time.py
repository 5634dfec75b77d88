"""How long the event loop is held: the CPU time of its longest callback, whatever else the machine does.

The garbage collector does not look at what was there before, as in a serving process: here those are the
objects of all tests, and to look through them takes longer than what is measured.
"""

from __future__ import annotations

import gc
import time
from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass
class Hold:
    """The longest that one callback has held the loop so far, in seconds of CPU time."""

    seconds: float = 0.0


@contextmanager
def longest_hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """Measures every callback that this process's event loops run."""
    hold, run = Hold(), events.Handle._run

    def timed(handle: events.Handle) -> None:
        before = time.thread_time()
        try:
            run(handle)
        finally:
            hold.seconds = max(hold.seconds, time.thread_time() - before)

    with monkeypatch.context() as patch:
        patch.setattr(events.Handle, "_run", timed)
        gc.freeze()
        try:
            yield hold
        finally:
            gc.unfreeze()
