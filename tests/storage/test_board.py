"""The board: columns with their counts, cards, progress of epics, the tree and graphs, on every database."""

from __future__ import annotations

from datetime import timedelta

from tests.storage.support import refused
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.board import Board, BoardQuery
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

ANA, BOB = Actor("ana", "/work/ana"), Actor("bob", "/work/bob")
HOUR = timedelta(hours=1)


def states(board: Board) -> dict[str, tuple[int, list[int]]]:
    """The count of each column, and its first ids."""
    return {column.name: (column.count, [card.item.id for card in column.cards]) for column in board.columns}


async def plan(store: Store, project: Project) -> None:
    """Two epics, one below the other's child; something done, cancelled, held, blocked and deleted."""
    items = [
        NewItem("Shop", item_type="epic", ref="shop"),
        NewItem("Cart", parent="shop", ref="cart", labels=("b", "a")),
        NewItem("Rows", parent="cart", ref="rows"),
        NewItem("Pay", parent="shop", depends_on=("rows",)),
        NewItem("Logo", parent="shop"),
        NewItem("Song", parent="shop"),
        NewItem("Gone", parent="shop"),
        NewItem("Empty", item_type="epic"),
        NewItem("Other rows"),
    ]
    await store.create_items(project, items, ANA)
    await store.claim_item(project, ANA, 3, lease=HOUR)
    await store.update_items(project, [ItemUpdate(5, status="completed"), ItemUpdate(6, status="cancelled")], ANA)
    await store.delete_items(project, [7], ANA)


async def test_columns_count_all_and_show_the_first(store: Store, project: Project) -> None:
    """By state; filtered by words, by what is below an epic at any depth, and by both."""
    await plan(store, project)
    board = await store.board(project, BoardQuery(limit=1))
    assert states(board) == {"backlog": (3, [1]), "ready": (2, [8]), "in_progress": (1, [3]), "done": (2, [6])}
    assert board.event == (await store.history(project, HistoryQuery(limit=1))).settled
    assert states(await store.board(project, BoardQuery(epic=1))) == {
        "backlog": (2, [2, 4]),
        "ready": (0, []),
        "in_progress": (1, [3]),
        "done": (2, [6, 5]),
    }
    assert states(await store.board(project, BoardQuery(text="ROWS")))["ready"] == (1, [9])
    assert states(await store.board(project, BoardQuery(text="rows", epic=1)))["ready"] == (0, [])
    await refused("ITEM_NOT_FOUND", store.board(project, BoardQuery(epic=99)))
    await refused("ITEM_DELETED", store.board(project, BoardQuery(epic=7)))


async def test_epics_tell_how_much_below_them_is_done(store: Store, project: Project) -> None:
    """What is cancelled or deleted does not count; a finished epic is last."""
    await plan(store, project)
    epics = (await store.board(project, BoardQuery())).epics
    assert [(epic.id, epic.title, epic.done, epic.total) for epic in epics] == [(1, "Shop", 1, 4), (8, "Empty", 0, 0)]
    await store.update_items(project, [ItemUpdate(1, status="completed", force=True)], ANA)
    assert [epic.id for epic in (await store.board(project, BoardQuery())).epics] == [8, 1]


async def test_cards_tell_where_their_holder_works(store: Store, project: Project) -> None:
    """The directory is that of the last who took it; renewing or changing it from elsewhere moves nothing."""
    await plan(store, project)
    await store.update_items(project, [ItemUpdate(3, title="Rows", priority=1, expected_version=2)], BOB)
    (held, parent, gone) = await store.cards(project, [3, 1, 7, 99])
    assert (held.item.id, held.directory, held.children) == (3, "/work/ana", 0)
    assert (parent.directory, parent.children, parent.item.waits_for) == (None, 4, (2, 4))
    assert (gone.item.deleted, gone.item.state) == (True, "deleted")
    await store.update_items(project, [ItemUpdate(3, status="pending")], ANA)
    await store.claim_item(project, BOB, 3, lease=HOUR)
    assert (await store.cards(project, [3]))[0].directory == "/work/bob"


async def test_columns_go_on_where_a_page_ended(store: Store, project: Project) -> None:
    """A cursor leads to what follows, and holds for the same filters only."""
    await plan(store, project)
    first = await store.column(project, "backlog", BoardQuery(limit=2), None)
    rest = await store.column(project, "backlog", BoardQuery(limit=2), first.next_cursor)
    assert [[card.item.id for card in page.cards] for page in (first, rest)] == [[1, 2], [4]]
    assert (first.count, rest.count, rest.next_cursor) == (3, 3, None)
    other = store.column(project, "backlog", BoardQuery(limit=2, epic=1), first.next_cursor)
    await refused("CURSOR_INVALID", other)
    await refused("ITEM_INVALID", store.column(project, "elsewhere", BoardQuery(), None))
    deleted = await store.column(project, "deleted", BoardQuery(), None)
    assert [card.item.id for card in deleted.cards] == [7]


async def test_a_list_shows_what_is_in_progress(store: Store, project: Project, clock: FakeClock) -> None:
    """Also what is worked on without a claim, and nothing whose claim has expired."""
    await plan(store, project)
    await store.claim_item(project, BOB, 9, lease=timedelta(seconds=1))
    assert [item.id for item in (await store.list_items(project, ItemQuery("in_progress"))).items] == [3, 9]
    clock.advance(1)
    assert [item.id for item in (await store.list_items(project, ItemQuery("in_progress"))).items] == [3]
    assert (await store.list_items(project, ItemQuery("all", below=2))).items[0].id == 3


async def test_the_tree_and_the_graph(store: Store, project: Project) -> None:
    """The tree is everything that is open, by id; the graph what is below an epic, with blockers from outside."""
    await plan(store, project)
    await store.link_items(project, 9, 2, "blocks", ANA)
    opened = await store.tree(project, BoardQuery(), finished_too=False)
    assert [card.item.id for card in opened] == [1, 2, 3, 4, 8, 9]
    everything = await store.tree(project, BoardQuery(epic=1), finished_too=True)
    assert [card.item.id for card in everything] == [2, 3, 4, 5, 6]
    graph = await store.graph(project, 1)
    assert [card.item.id for card in graph.cards] == [2, 3, 4, 5, 6, 9]
    assert graph.edges == ((3, 4), (9, 2))
    await store.delete_items(project, [9], ANA)
    assert (await store.graph(project, 1)).edges == ((3, 4),)
    await refused("ITEM_NOT_FOUND", store.graph(project, 0))


async def test_the_history_is_read_backwards(store: Store, project: Project) -> None:
    """The last entries before a position, oldest first."""
    await plan(store, project)
    last = await store.history(project, HistoryQuery(limit=3))
    before = await store.history(project, HistoryQuery(before=last.entries[0].position, limit=2))
    both = await store.history(project, HistoryQuery(limit=5))
    assert (*before.entries, *last.entries) == both.entries
