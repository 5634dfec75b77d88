"""Cycles in the graph of parents and blockers.

An item waits for its blockers, and a parent waits for its children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 8


def cycle_in(waits_for: Mapping[Any, Iterable[Any]]) -> list[Any] | None:
    """The nodes of a cycle in a graph, in order; None when there is none."""
    done: set[Any] = set()
    for start in waits_for:
        path: dict[Any, Any] = {}
        todo = [(start, iter(waits_for.get(start, ())))]
        path[start] = None
        while todo:
            node, following = todo[-1]
            step = next((one for one in following if one not in done), None)
            if step is None:
                todo.pop()
                path.pop(node)
                done.add(node)
            elif step in path:
                return list(path)[list(path).index(step) :]
            else:
                path[step] = None
                todo.append((step, iter(waits_for.get(step, ()))))
    return None
