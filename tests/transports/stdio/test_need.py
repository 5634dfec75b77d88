"""What a client is answered before the tools are there, and that they are there when it needs them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process.test_streams import OPENING, asking, data
from workflow_mcp.transports.stdio.need import Need


@pytest.fixture
def loaded() -> list[str]:
    """What was loaded."""
    return []


@pytest.fixture
def need(loaded: list[str]) -> Need:
    """The need of a client that has asked nothing yet."""
    return Need(lambda: loaded.append("components"))


def test_an_opening_needs_no_components(need: Need, loaded: list[str]) -> None:
    """Who the server is, and that it is there, is said without its tools."""
    for message in (*OPENING, asking(1, "server/discover"), asking(2)):
        need.asked(data(message))
    assert loaded == []


OTHERS: list[Any] = [
    asking(1, "tools/list"), asking(1, "tools/call", {"name": "ping"}), asking(1, "no/method"), {"id": 1, "result": {}},
    {**asking(1), "method": ["ping"]}, [asking(1)], None,
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_anything_else_needs_them(other: Any, need: Need, loaded: list[str]) -> None:
    """They are loaded once, before the first line that may need them is answered, whatever is said in it."""
    need.asked(data(OPENING[0]))
    for _ in range(2):
        need.asked(data(other))
        assert loaded == ["components"]
