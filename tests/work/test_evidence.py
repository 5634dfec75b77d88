"""Criteria of acceptance and evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_mcp.errors import WorkItemError
from workflow_mcp.work.evidence import criteria_after, evidence_after, with_kind
from workflow_mcp.work.values import Criterion, ItemUpdate

NOW = (Criterion("it works", met=True), Criterion("it is tested"))


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("commit 1a2b3c4", "commit: 1a2b3c4"),
        ("Commit: 1a2b3c4, the fix", "commit: 1a2b3c4, the fix"),
        ("1a2b3c4", "commit: 1a2b3c4"),
        ("https://ci.example/run/7?a=b c", "other: https://ci.example/run/7?a=b c"),
        ("https://ci.example/run/7", "url: https://ci.example/run/7"),
        ("docs/login.md", "file: docs/login.md"),
        ("src/a.py:12", "file: src/a.py:12"),
        ("file Makefile", "file: Makefile"),
        ("file.txt", "file: file.txt"),
        ("pytest tests/work: 12 passed", "test: pytest tests/work: 12 passed"),
        ("tests: all of them", "test: all of them"),
        ("npm test", "test: npm test"),
        ("looked at it", "other: looked at it"),
        ("  other: x ", "other: x"),
    ],
)
def test_the_kind_of_evidence(given_text: str, stored: str) -> None:
    """A kind that is given holds, and of what is given without one the form tells it."""
    assert with_kind(given_text) == stored


@given(st.text("commitest urlfher: /.7s", min_size=1).filter(str.strip) | st.text(min_size=1).filter(str.strip))
def test_a_kind_is_added_once(text: str) -> None:
    """What has its kind stays as it is, so that an import of what was exported changes nothing."""
    assert with_kind(with_kind(text)) == with_kind(text)


def test_evidence_is_added() -> None:
    """What somebody else gave stays, and the same entry is there once, however it is written."""
    update = ItemUpdate(1, evidence=("commit 1a2b3c4", "1a2b3c5"))
    assert evidence_after(["url: http://x", "commit: 1a2b3c4"], update) == (
        "url: http://x",
        "commit: 1a2b3c4",
        "commit: 1a2b3c5",
    )
    with pytest.raises(WorkItemError, match="21 entries"):
        evidence_after([f"test: {number}" for number in range(19)], update)


@pytest.mark.parametrize(
    ("update", "met"),
    [
        (ItemUpdate(1), [True, False]),
        (ItemUpdate(1, met=(2, 1)), [True, True]),
        (ItemUpdate(1, unmet=(1,)), [False, False]),
        (ItemUpdate(1, met=(2,), unmet=(1,)), [False, True]),
        (ItemUpdate(1, acceptance=("new", "it is tested", "it works"), met=(1,)), [True, False, True]),
        (ItemUpdate(1, acceptance=()), []),
    ],
)
def test_criteria_are_met_by_their_numbers(update: ItemUpdate, met: list[bool]) -> None:
    """Those that are worded as before stay met or open, wherever they stand."""
    assert [one.met for one in criteria_after(NOW, update)] == met


@pytest.mark.parametrize("update", [ItemUpdate(1, met=(3,)), ItemUpdate(1, unmet=(0,)), ItemUpdate(1, met=(-1,))])
def test_a_criterion_that_is_not_there(update: ItemUpdate) -> None:
    """Is refused, and how many there are is said."""
    with pytest.raises(WorkItemError, match="it has 2, counted from 1"):
        criteria_after(NOW, update)
