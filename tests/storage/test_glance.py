"""A glance says what the store says, reads only, and has an error for every file that it cannot read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.storage.support import file_of, make, open_store, raw
from tests.support import FakeClock
from workflow_mcp.errors import StoreError
from workflow_mcp.storage.sqlite.glance import glance
from workflow_mcp.storage.store import Store
from workflow_mcp.work.overview import MAX_HELD, MAX_READY, Overview
from workflow_mcp.work.values import Actor, Counts, ItemQuery, ItemUpdate, NewItem, Project

MAIN = Actor("claude-3fa2b1", "/work")
SUBAGENT = Actor("claude-3fa2b1/Explore-9c04", "/work")
NAMESAKE = Actor("claude-3fa2b10", "/work")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory: this is about the files in it."""
    return tmp_path


def look(data_dir: Path, project: Project, clock: FakeClock, holder: str | None = MAIN.name) -> Overview:
    """What a glance shows at the store's time."""
    now = datetime.fromtimestamp(clock.now, UTC)
    return glance(str(file_of(data_dir, project)), project.known_id, name="", holder=holder, now=now)


async def filled(store: Store, project: Project) -> None:
    """Items in every state that there is, and claims of three agents, of different lengths."""
    await make(store, project, MAIN, *(f"item {number}" for number in range(14)))
    await store.create_items(project, [NewItem("urgent", priority=0), NewItem("waits", depends_on=(1,))], MAIN)
    for item_id, actor, minutes in ((2, MAIN, 10), (3, SUBAGENT, 60), (4, NAMESAKE, 10), (5, MAIN, 60), (6, MAIN, 60)):
        await store.claim_item(project, actor, item_id, lease=timedelta(minutes=minutes))
    done = [ItemUpdate(5, status="completed"), ItemUpdate(7, status="cancelled"), ItemUpdate(8, status="completed")]
    await store.update_items(project, done, MAIN)
    await store.delete_items(project, [6, 9], MAIN)


async def test_it_shows_what_the_store_lists(store: Store, project: Project, clock: FakeClock, tmp_path: Path) -> None:
    """Counts and what is ready, in order, before and after claims have run out."""
    await filled(store, project)
    for minutes in (0, 10, 55):
        clock.advance(60 * minutes)
        seen, page = (
            look(tmp_path, project, clock),
            await store.list_items(project, ItemQuery("ready", limit=MAX_READY)),
        )
        assert (seen.project, seen.counts, seen.ready) == (project.name, page.counts, page.items)


async def test_an_agent_holds_what_it_and_its_subagents_took(
    store: Store, project: Project, clock: FakeClock, tmp_path: Path
) -> None:
    """Also where the claim has run out, then in the state that the item is in; not what finished or was deleted."""
    await filled(store, project)
    assert [(held.item.id, held.item.state, held.item.assignee) for held in look(tmp_path, project, clock).held] == [
        (2, "in_progress", MAIN.name),
        (3, "in_progress", SUBAGENT.name),
    ]
    start = datetime.fromtimestamp(clock.now, UTC)
    clock.advance(60 * 30)
    later = look(tmp_path, project, clock).held
    assert [(held.item.state, held.until) for held in later] == [
        ("ready", start + timedelta(minutes=10)),
        ("in_progress", start + timedelta(minutes=60)),
    ]
    assert look(tmp_path, project, clock, holder=None).held == ()


async def test_it_shows_no_more_than_it_says(store: Store, project: Project, clock: FakeClock, tmp_path: Path) -> None:
    """However much there is."""
    await make(store, project, MAIN, *(f"item {number}" for number in range(MAX_HELD + 20)))
    for _ in range(MAX_HELD + 5):
        await store.claim_item(project, MAIN)
    seen = look(tmp_path, project, clock)
    assert (len(seen.held), len(seen.ready)) == (MAX_HELD, MAX_READY)


async def test_it_changes_nothing(store: Store, project: Project, clock: FakeClock, tmp_path: Path) -> None:
    """The file stays byte for byte what it was, also beside a writer in the middle of a transaction."""
    await filled(store, project)
    path = file_of(tmp_path, project)
    before = path.read_bytes()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE items SET title = 'half-way'")
        seen = look(tmp_path, project, clock)
        writer.execute("ROLLBACK")
    assert "half-way" not in str(seen)
    assert path.read_bytes() == before


async def test_a_file_that_no_process_has_open(
    store: Store, project: Project, clock: FakeClock, tmp_path: Path
) -> None:
    """It is read, and the store works in it afterwards."""
    await make(store, project, MAIN, "one")
    await store.aclose()
    assert look(tmp_path, project, clock).counts == Counts(ready=1)
    async with open_store(tmp_path, clock=clock) as opened:
        await make(opened, project, MAIN, "two")
    assert look(tmp_path, project, clock).counts == Counts(ready=2)
    assert raw(file_of(tmp_path, project), "PRAGMA integrity_check") == [("ok",)]


def test_a_project_that_nobody_has_worked_in(project: Project, clock: FakeClock, tmp_path: Path) -> None:
    """There is nothing to do, and no file is made."""
    path = str(file_of(tmp_path, project))
    seen = glance(path, project.known_id, name="one", holder=None, now=datetime.fromtimestamp(clock.now, UTC))
    assert seen == Overview("one", Counts())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database " * 100])
def test_a_file_that_is_no_project_s(project: Project, clock: FakeClock, tmp_path: Path, content: bytes) -> None:
    """Nothing is made up: the error names the file."""
    path = file_of(tmp_path, project)
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=path.name):
        look(tmp_path, project, clock)
    assert path.read_bytes() == content


async def test_a_file_of_another_project(
    store: Store, project: Project, other: Project, clock: FakeClock, tmp_path: Path
) -> None:
    """A file in another's place shows nothing of its own."""
    await make(store, project, MAIN, "secret")
    await store.aclose()
    file_of(tmp_path, project).rename(file_of(tmp_path, other))
    with pytest.raises(StoreError, match="STORE_WRONG_PROJECT"):
        look(tmp_path, other, clock)
