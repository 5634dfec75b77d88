"""What one callback asks of the event loop: values that are parsed, and CPU time, whatever else the machine does.

The garbage collector does not look at what was there before, as in a serving process: here those are the
objects of all tests, and to look through them takes longer than what is measured.
"""

from __future__ import annotations

import gc
import json
import time
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydantic_core
import pytest


@dataclass
class Load:
    """What the most demanding callback so far took.

    Attributes:
        seconds: CPU time of the loop's own thread.
        texts: how many JSON texts have been parsed.
        values: the values in the largest of them.
    """

    seconds: float = 0.0
    texts: int = 0
    values: int = 0


def values_in(value: Any) -> int:
    """How many values a JSON value is made of, but for itself."""
    level, count = [value], 0
    while level:
        lists = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [below for one in lists for below in one]
        count += len(level)
    return count


@contextmanager
def load_of_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Measures every callback that this process's event loops run, and every JSON text that is parsed."""
    load = Load()
    with monkeypatch.context() as patch:
        for module, name in ((json, "loads"), (pydantic_core, "from_json")):
            patch.setattr(module, name, _counted(getattr(module, name), load))
        patch.setattr(events.Handle, "_run", _timed(events.Handle._run, load))
        gc.freeze()
        try:
            yield load
        finally:
            gc.unfreeze()


def _timed(run: Callable[[events.Handle], None], load: Load) -> Callable[[events.Handle], None]:
    def timed(handle: events.Handle) -> None:
        before = time.thread_time()
        try:
            run(handle)
        finally:
            load.seconds = max(load.seconds, time.thread_time() - before)

    return timed


def _counted(parse: Callable[..., Any], load: Load) -> Callable[..., Any]:
    def counted(text: Any, **options: Any) -> Any:
        value = parse(text, **options)
        load.texts += 1
        load.values = max(load.values, values_in(value))
        return value

    return counted
