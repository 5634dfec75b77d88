"""Searches: by the index of trigrams where it helps, and always what the texts say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.support import (
    DataPlace,
    check_invariants,
    data_of,
    emptied,
    file_of,
    ids,
    make,
    open_store,
    raw,
)
from tests.support import FakeClock
from workflow_mcp.storage import migrate
from workflow_mcp.storage.sqlite import connections
from workflow_mcp.storage.sqlite.search import MAX_CANDIDATES
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

TITLES = (
    "Größe der Straße",
    "100% done_ish",
    'say "hi" AND go',
    "ab",
    "a b c",
    "naïve café",
    "日本語の本",
    "x'; --",
    "🙂🙂🙂 ok",
)
TEXT = st.text(st.sampled_from("abAB ß%_\"'*/ñ日🙂-():"), max_size=7)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("strasse", [1]),
        ("GRÖSSE straße", [1]),
        ("ße", [1]),
        ("100%", [2]),
        ("e_i", [2]),
        ('"hi"', [3]),
        ("and", [3]),
        ("ab", [4]),
        ("b", [4, 5]),
        ("b c", [5]),
        ("cafe", []),
        ("café", [6]),
        ("本語の", [7]),
        ("の", [7]),
        ("x';", [8]),
        ("🙂🙂🙂", [9]),
        ("o OR zebra", []),
        ("str*", []),
        ("done_ish zebra", []),
    ],
)
async def test_words_are_found_wherever_they_stand(
    store: Store, project: Project, ana: Actor, text: str, found: list[int]
) -> None:
    """In any script and case, short ones too; signs that mean something to the index mean nothing to a search."""
    await make(store, project, ana, *TITLES)
    assert await ids(store, project, text=text) == found


@given(titles=st.lists(TEXT.filter(str.strip), min_size=1, max_size=8), text=TEXT)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_search_finds_what_looking_at_every_text_finds(place: DataPlace, titles: list[str], text: str) -> None:
    """Whatever was written and whatever is asked for."""

    async def search() -> list[int]:
        with emptied(place) as empty:
            async with open_store(empty) as store:
                project = Project("11111111-1111-4111-8111-111111111111", "x")
                await make(store, project, Actor("ana", "/"), *titles)
                return await ids(store, project, text=text)

    words = text.casefold().split()
    due = [n for n, title in enumerate(titles, start=1) if all(word in title.casefold() for word in words)]
    assert asyncio.run(search()) == due


@pytest.mark.parametrize("others", [0, MAX_CANDIDATES])
async def test_few_and_many_matches_are_listed_alike(
    store: Store, project: Project, ana: Actor, clock: FakeClock, others: int
) -> None:
    """In each view the same rows in the same order, whether the index led to them or the list was read."""
    plan = [NewItem(f"needle {n}", priority=n % 3, assignee="ana", labels=("l",)) for n in range(20)]
    made = [one.id for one in (await store.create_items(project, plan, ana)).items]
    for start in range(0, others, 100):
        await make(store, project, ana, *(f"the needle {start + n}" for n in range(100)))
        await store.delete_items(project, range(21 + start, 121 + start), ana)
    await store.update_items(project, [ItemUpdate(one, status="completed") for one in made[::4]], ana)
    await store.link_items(project, made[1], made[2], "blocks", ana)
    clock.advance(1)
    await store.claim_item(project, ana, made[5])
    for view in ("ready", "open", "done", "all", "blocked", "mine"):
        due = await ids(store, project, view, actor="ana", label="l")
        assert due, view
        assert await ids(store, project, view, actor="ana", text="needle", limit=3) == due, view


async def test_a_search_follows_changes(
    store: Store, place: DataPlace, project: Project, ana: Actor, bob: Actor
) -> None:
    """New texts are found and old ones not; deleted items are not, and are again when they are restored."""
    (one,) = await make(store, project, ana, "the first name")
    await store.update_items(project, [ItemUpdate(one, title="another", description="thing")], ana)
    assert await ids(store, project, text="first") == []
    assert await ids(store, project, text="another thing") == [one]
    await store.delete_items(project, [one], ana)
    assert await ids(store, project, text="another") == []
    await store.delete_items(project, [one], ana, restore=True)
    assert await ids(store, project, text="another") == [one]
    records = [record async for record in store.export(project)]
    await store.import_items(project, records, bob)
    assert await ids(store, project, text="another") == [one, one + 1]
    check_invariants(data_of(place, project))


async def test_a_cursor_is_checked_also_where_nothing_is_found(store: Store, project: Project, ana: Actor) -> None:
    """What is no cursor is refused before anything is looked for."""
    await make(store, project, ana, "x")
    with pytest.raises(Exception, match="CURSOR_INVALID"):
        await store.list_items(project, ItemQuery("all", text="zebra", cursor="no cursor"))


async def test_an_older_file_is_indexed_when_it_is_upgraded(tmp_path: Path, project: Project, ana: Actor) -> None:
    """What was written before there was an index is found, changed and found again."""
    path = file_of(tmp_path, project)
    path.parent.mkdir()
    path.touch()
    with connections.exclusive(str(path)) as connection:
        migrate.upgrade(connection, "0001")
    raw(path, "INSERT INTO projects (id, name, next_item_id, created_at) VALUES (?, 'one', 3, 0)", project.id)
    for number, title in ((1, "an old needle"), (2, "hay")):
        raw(
            path,
            "INSERT INTO items (project_id, id, title, description, item_type, status, priority, waits, hidden_by, "
            "version, created_at, updated_at, created_by) "
            "VALUES (?, ?, ?, '', 'task', 'pending', 2, 0, 0, 1, 0, 0, 'x')",
            project.id, number, title,
        )  # fmt: skip
        raw(path, "INSERT INTO item_texts VALUES (?, ?, ?)", project.id, number, title)
        raw(path, "INSERT INTO events VALUES (?, ?, ?, 0, 'x', '/', 'created', '{}')", number, project.id, number)
    async with open_store(tmp_path) as store:
        assert await ids(store, project, text="needle") == [1]
        await store.update_items(project, [ItemUpdate(1, title="gone"), ItemUpdate(2, title="a new needle")], ana)
        assert await ids(store, project, text="needle") == [2]
    check_invariants(path)
