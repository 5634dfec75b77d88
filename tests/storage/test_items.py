"""Creating, changing, listing and reading items."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.storage.support import DataPlace, check_invariants, data_of, file_of, ids, in_files, item, make, raw, refused
from tests.support import FakeClock
from workflow_mcp.errors import UsageError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.cursors import make_cursor, read_cursor
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Part, Project


async def test_a_plan_is_created_in_one_call_with_refs_that_point_both_ways(
    store: Store, project: Project, ana: Actor
) -> None:
    """Parents and dependencies may be named before they come."""
    result = await store.create_items(
        project,
        [
            NewItem("ship", depends_on=("build", "test")),
            NewItem("test", parent="epic", ref="test", depends_on=("build",)),
            NewItem("epic", item_type="epic", ref="epic"),
            NewItem("build", parent="epic", ref="build", labels=("b", "a", "b")),
        ],
        ana,
    )
    made = result.items
    assert [one.id for one in made] == [1, 2, 3, 4]
    assert [one.parent for one in made] == [None, 3, None, 3]
    assert [one.state for one in made] == ["blocked", "blocked", "blocked", "ready"]
    assert made[3].labels == ("a", "b")
    assert made[0].created_by == "ana"


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("ITEM_INVALID", NewItem("")),
        ("ITEM_INVALID", NewItem("x" * 201)),
        ("ITEM_INVALID", NewItem("two\nlines")),
        ("ITEM_INVALID", NewItem("x", description="y" * 20_001)),
        ("ITEM_INVALID", NewItem("x", description="\0")),
        ("ITEM_INVALID", NewItem("x", description="\ud800")),
        ("ITEM_INVALID", NewItem("x", item_type="story")),
        ("ITEM_INVALID", NewItem("x", priority=5)),
        ("ITEM_INVALID", NewItem("x", labels=tuple(map(str, range(21))))),
        ("ITEM_INVALID", NewItem("x", ref="good")),
        ("ITEM_INVALID", NewItem("x", parent="nobody")),
        ("ITEM_NOT_FOUND", NewItem("x", parent=99)),
        ("ITEM_NOT_FOUND", NewItem("x", depends_on=(2**70,))),
        ("ITEM_NOT_FOUND", NewItem("x", depends_on=(-1,))),
        ("ITEM_CYCLE", NewItem("x", ref="x", depends_on=("x",))),
        ("ITEM_CYCLE", NewItem("x", ref="x", parent="x")),
        ("ITEM_CYCLE", NewItem("x", parent=1, depends_on=(1,))),
        ("ITEM_CYCLE", NewItem("x", parent="good", depends_on=("good",))),
    ],
)
async def test_a_batch_with_one_bad_item_writes_nothing(
    *, store: Store, place: DataPlace, project: Project, ana: Actor, code: str, bad: NewItem
) -> None:
    """All or nothing, and the ids that were not used are not lost either."""
    await make(store, project, ana, "first")
    await refused(code, store.create_items(project, [NewItem("good", ref="good"), bad], ana))
    assert await ids(store, project) == [1]
    assert await make(store, project, ana, "next") == [2]
    check_invariants(data_of(place, project))


async def test_a_new_item_below_a_parent_may_depend_on_what_another_new_one_waits_for(
    store: Store, project: Project, ana: Actor
) -> None:
    """Only what really waits for itself is a cycle: neither of these two new items does."""
    parent, waiting = await make(store, project, ana, "parent", "waiting")
    await store.link_items(project, parent, waiting, "blocks", ana)
    plan = [NewItem("child", parent=parent), NewItem("after", depends_on=(waiting,))]
    assert len((await store.create_items(project, plan, ana)).items) == 2
    both = [NewItem("child", parent=parent, depends_on=("after",)), NewItem("x", ref="after", depends_on=(waiting,))]
    await refused("ITEM_CYCLE", store.create_items(project, both, ana))


async def test_parents_go_eight_levels_deep_and_no_deeper(store: Store, project: Project, ana: Actor) -> None:
    """By one plan, by adding below, and by moving."""
    chain = [NewItem("1", ref="1")] + [NewItem(str(n), ref=str(n), parent=str(n - 1)) for n in range(2, 10)]
    await refused("ITEM_TOO_DEEP", store.create_items(project, chain, ana))
    await store.create_items(project, chain[:8], ana)
    await refused("ITEM_TOO_DEEP", store.create_items(project, [NewItem("9", parent=8)], ana))
    pair = (await store.create_items(project, [NewItem("a", ref="a"), NewItem("b", parent="a")], ana)).items
    await refused("ITEM_TOO_DEEP", store.update_items(project, [ItemUpdate(pair[0].id, parent=7)], ana))
    await store.update_items(project, [ItemUpdate(pair[0].id, parent=6)], ana)
    detail = await store.get_item(project, pair[1].id)
    assert [one.id for one in detail.ancestors] == [1, 2, 3, 4, 5, 6, pair[0].id]


async def test_finishing_says_what_became_ready(store: Store, project: Project, ana: Actor) -> None:
    """Both by the last blocker and by the last child; not what still waits for another."""
    plan = [NewItem("epic", ref="e"), NewItem("a", parent="e", ref="a"), NewItem("b", depends_on=("a",))]
    await store.create_items(project, [*plan, NewItem("c", depends_on=("a", "d")), NewItem("d", ref="d")], ana)
    done = await store.update_items(project, [ItemUpdate(2, status="completed")], ana)
    assert [one.id for one in done.became_ready] == [1, 3]
    assert done.items[0].completed_at is not None
    again = await store.update_items(project, [ItemUpdate(2, status="pending")], ana)
    assert [one.id for one in again.became_ready] == [2]
    assert await ids(store, project, "blocked") == [1, 3, 4]


async def test_the_answer_to_a_batch_is_what_a_later_look_shows(store: Store, project: Project, ana: Actor) -> None:
    """Also of items that wait for others of the same batch, and of one that nothing changes."""
    parent, child, blocked, idle = await make(store, project, ana, "parent", "child", "blocked", "idle")
    await store.link_items(project, child, blocked, "blocks", ana)
    batch = [
        ItemUpdate(blocked, title="Blocked", labels=("b", "a", "b"), note="soon"),
        ItemUpdate(parent, description="All of it", priority=0),
        ItemUpdate(child, parent=parent, status="completed", item_type="bug"),
        ItemUpdate(idle, title="idle"),
    ]
    told = (await store.update_items(project, batch, ana)).items
    assert [one.id for one in told] == [blocked, parent, child, idle]
    assert [one.state for one in told] == ["ready", "ready", "completed", "ready"]
    assert list(told) == [await item(store, project, one.id) for one in told]
    again = (await store.update_items(project, [ItemUpdate(child, status="pending"), batch[1]], ana)).items
    assert [one.state for one in again] == ["ready", "blocked"]
    assert list(again) == [await item(store, project, one.id) for one in again]


async def test_a_version_conflict_shows_the_current_row(store: Store, project: Project, ana: Actor) -> None:
    """The error has what the next try needs."""
    (one,) = await make(store, project, ana, "one")
    await store.update_items(project, [ItemUpdate(one, title="changed", expected_version=1)], ana)
    late = store.update_items(project, [ItemUpdate(one, title="late", expected_version=1)], ana)
    error = await refused("VERSION_CONFLICT", late)
    current = error.current  # type: ignore[attr-defined]
    assert (current.title, current.version) == ("changed", 2)
    assert "expected_version=2" in str(error)


async def test_a_batch_of_updates_with_one_that_is_refused_changes_nothing(
    store: Store, project: Project, ana: Actor
) -> None:
    """All or nothing."""
    one, two = await make(store, project, ana, "one", "two")
    batch = [ItemUpdate(one, title="x", note="n", status="completed"), ItemUpdate(two, title="y", expected_version=7)]
    await refused("VERSION_CONFLICT", store.update_items(project, batch, ana))
    detail = await store.get_item(project, one)
    assert (detail.item.title, detail.item.version, detail.notes, len(detail.events)) == ("one", 1, (), 1)


async def test_every_change_is_told_with_who_where_when_and_what(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Events and notes name the actor, the directory, the time and the values."""
    (one,) = await make(store, project, ana, "one")
    clock.advance(60 * 5)
    update = ItemUpdate(one, title="two", priority=0, labels=("x",), note="why")
    await store.update_items(project, [update], bob)
    detail = await store.get_item(project, one)
    event = detail.events[-1]
    assert (event.actor, event.directory, event.at.timestamp()) == ("bob", "/home/bob/work", clock.now)
    assert event.changes == {"title": ["one", "two"], "priority": [2, 0], "labels": [[], ["x"]], "note": [None, "why"]}
    assert [(note.author, note.text) for note in detail.notes] == [("bob", "why")]


async def test_an_update_that_changes_nothing_is_no_change(store: Store, project: Project, ana: Actor) -> None:
    """The version stays and no event tells of it."""
    (one,) = await make(store, project, ana, "one")
    result = await store.update_items(project, [ItemUpdate(one, title="one", labels=())], ana)
    assert result.items[0].version == 1
    assert len((await store.get_item(project, one)).events) == 1


async def test_views_list_what_they_say(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Ready by priority, then age; done with the last first; mine for whoever asks."""
    await store.create_items(project, [NewItem("low", priority=4), NewItem("old"), NewItem("new")], ana)
    clock.advance(60 * 1)
    await store.create_items(project, [NewItem("urgent", priority=0), NewItem("waits", depends_on=(1,))], ana)
    assert await ids(store, project, "ready") == [4, 2, 3, 1]
    await store.claim_item(project, bob, 3)
    await store.update_items(project, [ItemUpdate(2, status="completed")], ana)
    clock.advance(60 * 1)
    await store.update_items(project, [ItemUpdate(4, status="cancelled")], ana)
    assert await ids(store, project, "ready") == [1]
    assert await ids(store, project, "blocked") == [5]
    assert await ids(store, project, "open") == [3, 5, 1]
    assert await ids(store, project, "done") == [4, 2]
    assert await ids(store, project, "mine", actor="bob") == [3]
    counts = (await store.list_items(project, ItemQuery())).counts
    assert (counts.ready, counts.blocked, counts.in_progress, counts.done, counts.total) == (1, 1, 1, 2, 5)


async def test_filters_narrow_a_view(store: Store, project: Project, ana: Actor) -> None:
    """By parent, type, label, assignee and words, whatever their case, order and script."""
    plan = [
        NewItem("Größe der Straße", ref="g", item_type="bug", labels=("ui",)),
        NewItem("100% done_ish", assignee="bob"),
    ]
    await store.create_items(project, [*plan, NewItem("child", parent="g", description="The Login fails")], ana)
    assert await ids(store, project, parent=1) == [3]
    assert await ids(store, project, item_type="bug") == [1]
    assert await ids(store, project, label="ui") == [1]
    assert await ids(store, project, assignee="bob") == [2]
    assert await ids(store, project, text="STRASSE größe") == [1]
    assert await ids(store, project, text="fails LOGIN") == [3]
    assert await ids(store, project, text="100%") == [2]
    assert await ids(store, project, text="e_i") == [2]
    assert await ids(store, project, text="' OR 1=1 --") == []


@pytest.mark.parametrize("view", ["ready", "open", "done", "all", "mine"])
async def test_pages_show_each_item_once_though_others_come_and_go(
    store: Store, project: Project, ana: Actor, view: str
) -> None:
    """A cursor goes on where its page ended, whatever was added or finished since."""
    await store.create_items(project, [NewItem(str(n), priority=n % 3, assignee="ana") for n in range(30)], ana)
    if view == "done":
        await store.update_items(project, [ItemUpdate(n, status="completed") for n in range(1, 31)], ana)
    query = ItemQuery(view, actor="ana", limit=7)
    first = await store.list_items(project, query)
    assert first.next_cursor is not None
    await store.create_items(project, [NewItem("new", priority=0)], ana)
    rest = await ids(store, project, view, actor="ana", limit=7)
    following = await store.list_items(project, ItemQuery(view, actor="ana", limit=200, cursor=first.next_cursor))
    seen = [one.id for one in first.items + following.items]
    assert len(seen) == len(set(seen))
    assert set(range(1, 31)) <= set(seen)
    assert set(rest) >= set(range(1, 31))


@pytest.mark.parametrize("cursor", ["", "x", "W10", "é", "WyIxIl0" * 99])
async def test_a_cursor_of_another_list_is_refused(store: Store, project: Project, ana: Actor, cursor: str) -> None:
    """Whether made up or from another view."""
    await make(store, project, ana, "a", "b")
    await refused("CURSOR_INVALID", store.list_items(project, ItemQuery("all", cursor=cursor)))
    page = await store.list_items(project, ItemQuery("open", limit=1))
    assert page.next_cursor is not None
    await refused("CURSOR_INVALID", store.list_items(project, ItemQuery("ready", cursor=page.next_cursor)))


def test_a_cursor_that_no_column_could_hold_is_refused() -> None:
    """Made up with all that belongs to it, but for a number that is too large."""
    assert read_cursor(["all"], make_cursor(["all"], [2**63 - 1]), [int]) == [2**63 - 1]
    with pytest.raises(UsageError, match="CURSOR_INVALID"):
        read_cursor(["all"], make_cursor(["all"], [2**63]), [int])


async def test_a_search_has_a_limit(store: Store, project: Project, ana: Actor) -> None:
    """Up to 500 characters, of as many words as they hold."""
    await make(store, project, ana, " ".join("abcdefghij"), "other")
    assert await ids(store, project, text="a " * 250) == [1]
    await refused("ITEM_INVALID", store.list_items(project, ItemQuery("all", text="x" * 501)))


async def test_an_item_is_shown_with_all_around_it(store: Store, project: Project, ana: Actor, bob: Actor) -> None:
    """Ancestors, children, links from both ends, and why it cannot be claimed."""
    plan = [NewItem("top", ref="t"), NewItem("mid", parent="t", ref="m"), NewItem("leaf", parent="m")]
    await store.create_items(project, [*plan, NewItem("first", ref="f"), NewItem("twin")], ana)
    await store.link_items(project, 4, 2, "blocks", ana)
    await store.link_items(project, 2, 5, "duplicates", ana)
    detail = await store.get_item(project, 2)
    assert [one.id for one in detail.ancestors] == [1]
    assert ([one.id for one in detail.children], detail.children_count) == ([3], 1)
    assert [(link.kind, link.outgoing, link.item.id) for link in detail.links] == [
        ("blocks", False, 4),
        ("duplicates", True, 5),
    ]
    assert detail.not_ready == ("it waits for #4", "below it, #3 are unfinished")
    assert (await store.get_item(project, 3)).not_ready == ("#2 above it waits for #4",)
    assert (await store.get_item(project, 4)).not_ready == ()
    await store.claim_item(project, bob, 4)
    assert "bob works on it until" in (await store.get_item(project, 4)).not_ready[0]


async def test_a_repeated_request_returns_the_items_and_another_one_of_that_id_is_refused(
    store: Store, project: Project, ana: Actor
) -> None:
    """Even after the items have changed; the same id for other items is a mistake."""
    first = await store.create_items(project, [NewItem("a"), NewItem("b")], ana, request_id="r")
    await store.update_items(project, [ItemUpdate(1, title="renamed")], ana)
    again = await store.create_items(project, [NewItem("a"), NewItem("b")], ana, request_id="r")
    assert [one.id for one in again.items] == [one.id for one in first.items]
    assert again.items[0].title == "renamed"
    assert (first.repeated, again.repeated) == (False, True)
    await refused("ITEM_INVALID", store.create_items(project, [NewItem("c")], ana, request_id="r"))
    assert await ids(store, project) == [1, 2]


async def test_deleting_hides_and_restoring_brings_back(
    store: Store, place: DataPlace, project: Project, ana: Actor, bob: Actor
) -> None:
    """With all below when that is confirmed; blockers that are hidden block nobody; ids are not used again."""
    plan = [NewItem("epic", ref="e"), NewItem("a", parent="e", ref="a"), NewItem("b", parent="e")]
    await store.create_items(project, [*plan, NewItem("c", depends_on=("a",))], ana)
    await store.delete_items(project, [3], ana)
    await refused("CHILDREN_NEED_CONFIRM", store.delete_items(project, [1], ana))
    await store.claim_item(project, bob, 2)
    await refused("ITEM_CLAIMED", store.delete_items(project, [1], ana, confirm=True))
    hidden = await store.delete_items(project, [1], bob, confirm=True)
    assert [one.id for one in hidden.became_ready] == [4]
    assert await ids(store, project) == [4]
    await refused("ITEM_DELETED", store.get_item(project, 2))
    await refused("ITEM_DELETED", store.update_items(project, [ItemUpdate(2, title="x")], bob))
    await refused("PARENT_DELETED", store.delete_items(project, [2], ana, restore=True))
    assert await make(store, project, ana, "new") == [5]
    await refused("ITEM_CLAIMED", store.delete_items(project, [1], ana, restore=True))
    await store.delete_items(project, [1], bob, restore=True)
    assert await ids(store, project) == [1, 2, 4, 5]
    assert (await item(store, project, 4)).blocked
    await store.delete_items(project, [3], ana, restore=True)
    assert await ids(store, project) == [1, 2, 3, 4, 5]
    check_invariants(data_of(place, project))


async def test_links_are_made_once_and_never_in_a_circle(store: Store, project: Project, ana: Actor) -> None:
    """Blocks and parents together; the other kinds may go in circles; relates_to has no direction."""
    await make(store, project, ana, "a", "b", "c")
    assert (await store.link_items(project, 1, 2, "blocks", ana)).changed
    assert not (await store.link_items(project, 1, 2, "blocks", ana)).changed
    await store.link_items(project, 2, 3, "blocks", ana)
    await refused("ITEM_CYCLE", store.link_items(project, 3, 1, "blocks", ana))
    await refused("ITEM_CYCLE", store.update_items(project, [ItemUpdate(3, parent=1)], ana))
    await refused("ITEM_CYCLE", store.update_items(project, [ItemUpdate(1, parent=3)], ana))
    await store.update_items(project, [ItemUpdate(2, parent=3)], ana)
    await store.link_items(project, 1, 3, "relates_to", ana)
    assert not (await store.link_items(project, 3, 1, "relates_to", ana)).changed
    await store.link_items(project, 3, 1, "duplicates", ana)
    await refused("ITEM_INVALID", store.link_items(project, 1, 1, "blocks", ana))
    await refused("ITEM_INVALID", store.link_items(project, 1, 2, "hates", ana))
    freed = await store.link_items(project, 1, 2, "blocks", ana, remove=True)
    assert [one.id for one in freed.became_ready] == [2]


async def test_two_moves_of_one_batch_see_each_other(store: Store, project: Project, ana: Actor) -> None:
    """Each alone would do; together they would be a circle."""
    await make(store, project, ana, "a", "b")
    swap = [ItemUpdate(1, parent=2), ItemUpdate(2, parent=1)]
    await refused("ITEM_CYCLE", store.update_items(project, swap, ana))
    assert (await item(store, project, 1)).parent is None


@in_files
async def test_every_statement_filters_by_project(store: Store, tmp_path: Path, project: Project, ana: Actor) -> None:
    """Rows that carry another project's id are never seen, though they are in the very file."""
    await store.create_items(project, [NewItem("mine", ref="m", labels=("l",)), NewItem("child", parent="m")], ana)
    path = file_of(tmp_path, project)
    raw(
        path,
        "INSERT INTO projects (id, name, next_item_id, created_at) SELECT 'z', 'stray', 100, created_at FROM projects",
    )
    columns = "id, title, description, item_type, status, priority, waits, hidden_by, version, created_at, updated_at"
    raw(
        path,
        f"INSERT INTO items (project_id, {columns}, created_by) SELECT 'z', 50, 'stray', "
        "description, item_type, status, priority, 0, 0, 1, created_at, updated_at, 'x' FROM items WHERE id = 1",
    )
    assert await ids(store, project) == [1, 2]
    assert await ids(store, project, "ready") == [2]
    assert (await store.list_items(project, ItemQuery())).counts.total == 2
    await refused("ITEM_NOT_FOUND", store.get_item(project, 50))
    assert "stray" not in str([record async for record in store.export(project)])


async def test_reasons_are_given_whatever_else_an_item_is_linked_to(store: Store, project: Project, ana: Actor) -> None:
    """An item that blocks 300 others and is itself blocked says by what, and counts what it does not show."""
    (hub,) = await make(store, project, ana, "hub")
    for _ in range(3):
        await store.create_items(project, [NewItem("after", depends_on=(hub,)) for _ in range(100)], ana)
    blockers = await make(store, project, ana, *(f"before {n}" for n in range(12)))
    for one in blockers:
        await store.link_items(project, one, hub, "blocks", ana)
    detail = await store.get_item(project, hub)
    assert detail.not_ready == (f"it waits for {', '.join(f'#{one}' for one in blockers[:10])} and 2 more",)
    assert detail.links_count == 312
    assert [one.item.id for one in detail.links[:12]] == blockers
    assert f"it waits for #{blockers[0]}" in str(await refused("ITEM_NOT_READY", store.claim_item(project, ana, hub)))


async def test_an_item_says_how_many_wait_below_it(store: Store, project: Project, ana: Actor) -> None:
    """Beyond the children that are shown, too."""
    (top,) = await make(store, project, ana, "top")
    for _ in range(3):
        await store.create_items(project, [NewItem("below", parent=top) for _ in range(100)], ana)
    await store.update_items(project, [ItemUpdate(2, status="completed")], ana)
    detail = await store.get_item(project, top)
    assert detail.not_ready[0].endswith("#12 and 289 more are unfinished")
    assert (len(detail.children), detail.children_count) == (200, 300)


async def test_the_fields_at_creation_are_in_the_history(store: Store, project: Project, ana: Actor) -> None:
    """All that was given, dependencies from both ends, of items that were there and of new ones."""
    await make(store, project, ana, "old")
    fields = NewItem("b", "bug", "what", 0, ("y", "x"), parent="a", depends_on=(1, "c"), assignee="bob")
    await store.create_items(project, [NewItem("a", ref="a"), fields, NewItem("c", ref="c")], ana)
    (created,) = (await store.get_item(project, 3)).events
    assert created.changes == {
        "title": [None, "b"],
        "item_type": [None, "bug"],
        "description": [None, "what"],
        "priority": [None, 0],
        "labels": [None, ["x", "y"]],
        "parent": [None, 2],
        "depends_on": [None, [1, 4]],
        "assignee": [None, "bob"],
    }
    for blocker in (1, 4):
        event = (await store.get_item(project, blocker)).events[-1]
        assert (event.action, event.changes) == ("linked", {"kind": "blocks", "to": 3})


async def test_single_labels_are_added_and_removed_without_losing_others(
    store: Store, project: Project, ana: Actor, bob: Actor
) -> None:
    """Two agents that know nothing of each other's labels keep both; the whole set can still be replaced."""
    (one,) = [made.id for made in (await store.create_items(project, [NewItem("x", labels=("old",))], ana)).items]
    await asyncio.gather(
        store.update_items(project, [ItemUpdate(one, add_labels=("a", "old"))], ana),
        store.update_items(project, [ItemUpdate(one, add_labels=("b",), remove_labels=("old", "none"))], bob),
    )
    assert set((await item(store, project, one)).labels) >= {"a", "b"}
    changed = await store.update_items(project, [ItemUpdate(one, remove_labels=("a", "old"))], ana)
    assert changed.items[0].labels == ("b",)
    assert (await store.get_item(project, one)).events[-1].changes["labels"][1] == ["b"]
    await store.update_items(project, [ItemUpdate(one, labels=("c",), add_labels=("d",))], ana)
    assert (await item(store, project, one)).labels == ("c", "d")
    many = tuple(f"l{n}" for n in range(19))
    await refused("ITEM_INVALID", store.update_items(project, [ItemUpdate(one, add_labels=many)], ana))
    await refused("ITEM_INVALID", store.update_items(project, [ItemUpdate(one, add_labels=("",))], ana))
    assert (await item(store, project, one)).labels == ("c", "d")


async def test_deleted_items_can_be_listed(store: Store, project: Project, ana: Actor) -> None:
    """By id, page by page, as deleted, and found by their words; restored ones are not among them."""
    await make(store, project, ana, "kept", "gone", "gone too", "back")
    await store.delete_items(project, [2, 3, 4], ana)
    await store.delete_items(project, [4], ana, restore=True)
    assert await ids(store, project, "deleted", limit=1) == [2, 3]
    assert await ids(store, project, "deleted", text="too") == [3]
    page = await store.list_items(project, ItemQuery("deleted"))
    assert {one.state for one in page.items} == {"deleted"}
    assert {one.state for one in (await store.list_whole_items(project, ItemQuery("deleted"))).items} == {"deleted"}
    assert page.counts.total == 2


async def test_older_notes_and_events_can_be_read(store: Store, project: Project, ana: Actor) -> None:
    """Page by page from the last to the first, each once, also when new ones come meanwhile."""
    (one,) = await make(store, project, ana, "x")
    for number in range(1, 46):
        await store.update_items(project, [ItemUpdate(one, note=str(number))], ana)
    numbers: dict[str, list[int]] = {"notes": [], "events": []}
    part = Part()
    while True:
        detail = await store.get_item(project, one, part)
        numbers = {name: [each.number for each in getattr(detail, name)] + own for name, own in numbers.items()}
        assert all(int(note.text) == note.number for note in detail.notes)
        part = Part(before_note=numbers["notes"][0], before_event=numbers["events"][0])
        if (part.before_note, part.before_event) == (1, 1):
            break
        await store.update_items(project, [ItemUpdate(one, note="46")], ana)
    assert numbers == {"notes": list(range(1, 46)), "events": list(range(1, 47))}
    assert (await store.get_item(project, one, part)).notes == ()
    await refused("ITEM_INVALID", store.get_item(project, one, Part(before_event=0)))


async def test_a_link_is_a_change_of_the_item_it_is_about(
    store: Store, project: Project, ana: Actor, bob: Actor, clock: FakeClock
) -> None:
    """Nobody else changes what a claimed item waits for; its holder's lease is renewed by it."""
    await make(store, project, ana, "held", "other")
    await store.claim_item(project, ana, 1)
    await refused("ITEM_CLAIMED", store.link_items(project, 2, 1, "blocks", bob))
    await refused("ITEM_CLAIMED", store.link_items(project, 1, 2, "duplicates", bob))
    assert (await store.link_items(project, 1, 2, "blocks", bob)).changed
    assert (await store.link_items(project, 2, 1, "discovered_from", bob)).changed
    clock.advance(60 * 50)
    assert (await store.link_items(project, 1, 2, "duplicates", ana)).changed
    until = (await item(store, project, 1)).claim_expires_at
    assert until is not None
    assert until.timestamp() == clock.now + 3600
    event = (await store.get_item(project, 1)).events[-1]
    assert event.changes["claim_expires_at"][1] == until.isoformat()
    clock.advance(60 * 61)
    assert (await store.link_items(project, 1, 2, "duplicates", bob, remove=True)).changed
