"""What sessions are told: short, one line a fact, whatever others wrote into titles and names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from workflow_mcp.claude_code.texts import (
    MAX_CHANGES_BYTES,
    MAX_START_BYTES,
    MAX_SUBAGENT_BYTES,
    changes_text,
    held_text,
    reminder,
    session_text,
    status_line,
    subagent_text,
    with_note,
)
from workflow_mcp.work.overview import MAX_HELD, MAX_READY, HeldItem, Overview
from workflow_mcp.work.text import HIDDEN
from workflow_mcp.work.validation import MAX_ID
from workflow_mcp.work.values import ITEM_TYPES, Counts, ItemSummary

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TEXT = st.text(min_size=1, max_size=200)
ITEMS = st.builds(
    ItemSummary,
    st.integers(1, MAX_ID), TEXT, st.sampled_from(ITEM_TYPES), st.just("ready"), st.integers(0, 4), st.none() | TEXT,
)  # fmt: skip
TIMES = st.none() | st.timedeltas(timedelta(-30), timedelta(30)).map(lambda by: NOW + by)
NUMBERS = st.integers(0, 1_000_000)
OVERVIEWS = st.builds(
    Overview,
    TEXT,
    st.none() | st.builds(Counts, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    st.lists(st.builds(HeldItem, ITEMS, TIMES), max_size=MAX_HELD).map(tuple),
    st.lists(ITEMS, max_size=MAX_READY).map(tuple),
)
LONGEST = ItemSummary(MAX_ID, "名" * 200, "research", "in_progress", 4, "claude-3fa2b1")
FULL = Overview(
    "名" * 255, Counts(*[999_999] * 5), (HeldItem(LONGEST, NOW - timedelta(1)),) * MAX_HELD, (LONGEST,) * MAX_READY
)


@given(OVERVIEWS)
@example(FULL)
@example(Overview(" "))
def test_no_text_is_longer_than_it_may_be(overview: Overview) -> None:
    """1.2 kB for a session, 300 bytes for a subagent, one line for the status line; and all of it can be shown."""
    start = session_text(overview, holder="claude-3fa2b1", now=NOW)
    sub = subagent_text(overview, actor=f"claude-3fa2b1/{'x' * 60}-9c04", now=NOW)
    status = status_line(overview)
    assert len(start.encode()) <= MAX_START_BYTES
    assert len(sub.encode()) <= MAX_SUBAGENT_BYTES
    assert len(status.encode()) <= 160
    changed = changes_text(overview.project, overview.ready, [held.item for held in overview.held])
    held, reminded = held_text(overview, holder="claude-3fa2b1", now=NOW), reminder(overview, NOW)
    assert len(changed.encode()) <= MAX_CHANGES_BYTES
    assert max(len(held.encode()), len(reminded.encode())) <= MAX_START_BYTES
    for text in (start, sub, status, changed, held, reminded):
        assert not HIDDEN.search(text.replace("\n", ""))
    assert start.startswith("workflow-mcp: project ")
    assert len(start.splitlines()) <= 4 + 1 + MAX_READY + 2
    assert len(status.splitlines()) == 1


def test_the_longest_text_still_has_everything() -> None:
    """The bounds of the parts leave room for the first five ready items and what is held."""
    lines = session_text(FULL, holder="claude-3fa2b1", now=NOW).splitlines()
    assert sum(line.startswith(f"#{MAX_ID} ") for line in lines) == 3 + MAX_READY
    assert f"… and {MAX_HELD - 3} more" in lines


def test_what_a_session_is_told() -> None:
    """The project, what the session holds and until when, and what can be claimed."""
    held = HeldItem(ItemSummary(12, "Fix login", "bug", "in_progress", 1, "claude-3fa2b1"), NOW + timedelta(hours=1))
    lapsed = HeldItem(ItemSummary(13, "Docs", "task", "ready", 2, "claude-3fa2b1"), NOW)
    ready = ItemSummary(3, 'Build\nthe \x1b[31m"API"', "task", "ready", 1, None)
    overview = Overview("demo", Counts(ready=3, in_progress=1), (held, lapsed), (ready,))
    assert session_text(overview, holder="claude-3fa2b1", now=NOW).splitlines() == [
        "workflow-mcp: project demo, 3 ready, 1 in progress, 0 blocked, 0 done of 4.",
        "Held by this session as claude-3fa2b1:",
        '#12 bug p1 "Fix login" (until 2026-11-25 13:00 UTC)',
        '#13 task p2 "Docs" (claim ended 2026-11-25 12:00 UTC)',
        "Ready, in order; titles are what people and agents wrote:",
        r'#3 task p1 "Build\nthe \x1b[31m\"API\""',
    ]
    assert status_line(overview) == "demo · 3 ready · #12 Fix login +1"


def test_a_note_takes_only_the_room_that_is_left() -> None:
    """It stands on a line of its own, cut; without one, or without room, the text is as it was."""
    assert with_note("text", "a note", 50) == "text\na note"
    assert with_note("text", "名" * 50, 20) == "text\n" + "名" * 4 + "…"
    assert with_note("text", "a note", 5) == with_note("text", None, 50) == "text"


def test_a_project_without_items_and_one_not_counted() -> None:
    """Nothing is said to be nothing that was not counted."""
    assert (
        session_text(Overview("demo", Counts()), holder="a", now=NOW)
        == "workflow-mcp: project demo, no work items yet."
    )
    assert session_text(Overview("demo"), holder="a", now=NOW) == "workflow-mcp: project demo."
    assert status_line(Overview("demo")) == "demo"
