"""What the board shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.board.pages import ANN, PROJECT, Desk, Page
from tests.support import PROJECT_ID
from workflow_mcp.board.access import Viewer
from workflow_mcp.work.members import Member
from workflow_mcp.work.values import ItemUpdate, NewItem

HOUR = timedelta(hours=1)
SCRIPT = "<img src=x onerror=alert(1)>"


async def plan(desk: Desk) -> None:
    """An epic with a chain of two items, and one that is done; and an item beside it."""
    agent = await desk.agent()
    await agent.create(
        [
            NewItem("Shop", item_type="epic", ref="shop"),
            NewItem("Cart", parent="shop", ref="cart", labels=("ui",), priority=1, description="a *cart*"),
            NewItem("Pay", parent="shop", depends_on=("cart",), acceptance=("paid",)),
            NewItem("Logo", parent="shop"),
            NewItem("Other"),
        ]
    )
    await agent.update([ItemUpdate(4, status="completed", note="drawn")])


async def test_what_is_computed_for_all_is_nobody_s(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked first may be removed meanwhile: others are not told of that, nor of their name."""
    agent, store = await desk.agent(), await desk.site.store()
    await agent.create([NewItem("One")])
    for name in ("ann", "bob"):
        await store.set_member(PROJECT, Member(name, "admin"))
    compute = desk.site.recent.get

    async def later(*asked: Any) -> bytes:
        await store.remove_member(PROJECT, "bob")
        return await compute(*asked)

    monkeypatch.setattr(type(desk.site.recent), "get", lambda _recent, *asked: later(*asked))
    bob = await desk.page(Viewer("bob", principal="bob", project=PROJECT_ID))
    assert (await bob.states())["ready"] == [1]


async def test_an_empty_project_is_an_empty_board(page: Page) -> None:
    """Nobody has worked in it; looking makes nothing."""
    board = await page.read("board")
    assert board["project"] == {"id": PROJECT_ID, "name": PROJECT.name}
    assert [(column["name"], column["count"], column["items"]) for column in board["columns"]] == [
        (name, 0, []) for name in ("backlog", "ready", "in_progress", "done")
    ]
    assert (board["epics"], board["event"]) == ([], 0)
    assert await page.get("projects") == {
        "projects": [{"id": PROJECT_ID, "name": PROJECT.name, "archived": False, "may_write": True}]
    }


async def test_columns_are_the_derived_states(desk: Desk, page: Page) -> None:
    """A blocked item says why; a held one who holds it, until when and where; epics how much of them is done."""
    await plan(desk)
    agent = await desk.agent("bob", "/work/tree")
    claim = await agent.claim(2, lease=HOUR)
    assert claim is not None
    assert await page.states() == {"backlog": [1, 3], "ready": [5], "in_progress": [2], "done": [4]}
    board = await page.read("board")
    backlog, _, in_progress, _ = (column["items"] for column in board["columns"])
    assert (backlog[1]["why"], backlog[1]["waits_for"], backlog[1]["state"]) == ("waits for #2", [2], "backlog")
    (cart,) = in_progress
    assert (cart["holder"], cart["directory"], cart["labels"], cart["priority"]) == ("bob", "/work/tree", ["ui"], 1)
    assert claim.item.claim_expires_at is not None
    assert cart["lease_until"] == claim.item.claim_expires_at.timestamp()
    assert board["epics"] == [{"id": 1, "title": "Shop", "done": 1, "total": 3}]
    assert backlog[0]["children"] == 3
    assert board["event"] == 8


async def test_an_expired_claim_is_ready_again(desk: Desk, page: Page) -> None:
    """Who lost it is still named; nobody holds it."""
    await plan(desk)
    agent = await desk.agent()
    await agent.claim(5, lease=timedelta(seconds=1))
    while (await page.states())["in_progress"]:
        pass
    (card,) = [one for one in (await page.read("column/ready"))["items"] if one["id"] == 5]
    assert (card["state"], card["status"], card["assignee"], card["holder"]) == ("ready", "in_progress", "agent", None)


async def test_the_board_is_filtered_and_paged(desk: Desk, page: Page) -> None:
    """By words and by epic; a column's count is that of all pages."""
    await plan(desk)
    assert await page.states(text="cart") == {"backlog": [], "ready": [2], "in_progress": [], "done": []}
    assert await page.states(epic=1) == {"backlog": [3], "ready": [2], "in_progress": [], "done": [4]}
    assert await page.states(epic=1, text="nothing") == {"backlog": [], "ready": [], "in_progress": [], "done": []}
    first = await page.read("column/ready", limit=1)
    assert ([card["id"] for card in first["items"]], first["count"]) == ([2], 2)
    rest = await page.read("column/ready", limit=1, after=first["next"])
    assert ([card["id"] for card in rest["items"]], rest["next"]) == ([5], None)
    for parameters, code in (
        ({"epic": 99}, "ITEM_NOT_FOUND"),
        ({"epic": "x"}, "ARGUMENT_INVALID"),
        ({"limit": 0}, "LIMIT_INVALID"),
    ):
        answer = await page.client.get(f"/board/api/projects/{PROJECT_ID}/board", params=parameters)
        assert answer.json()["error"]["code"] == code
    assert (await page.read("column/nowhere", 400))["error"]["code"] == "ITEM_INVALID"
    assert (await page.read("column/ready", 400, after="bad"))["error"]["code"] == "CURSOR_INVALID"


async def test_an_item_s_page_has_all_of_it(desk: Desk, page: Page) -> None:
    """Its text rendered, its relatives as cards, its links from its own side, its notes and history."""
    await plan(desk)
    cart, pay, logo = [await page.read(f"items/{item}") for item in (2, 3, 4)]
    assert cart["item"]["description_html"] == "<p>a <em>cart</em></p>\n"
    assert (cart["item"]["description"], cart["item"]["deleted"]) == ("a *cart*", False)
    assert cart["parent"]["title"] == "Shop"
    assert [(link["kind"], link["item"]["id"]) for link in cart["links"]] == [("blocks", 3)]
    assert [(link["kind"], link["item"]["id"]) for link in pay["links"]] == [("blocked_by", 2)]
    assert pay["item"]["acceptance"] == [{"text": "paid", "met": False}]
    assert [(note["by"], note["html"]) for note in logo["notes"]] == [("agent", "<p>drawn</p>\n")]
    assert [entry["action"] for entry in logo["history"]] == ["created", "completed"]
    shop = await page.read("items/1")
    assert {card["id"] for card in shop["children"]} == {2, 3, 4}
    assert (await page.read("items/99", 404))["error"]["code"] == "ITEM_NOT_FOUND"


async def test_the_tree_and_the_graph(desk: Desk, page: Page) -> None:
    """The tree has what is open, or everything; the graph what is below an epic and who blocks whom, also outside."""
    await plan(desk)
    agent = await desk.agent()
    await agent.link(5, 2, "blocks", remove=False)
    roots = (await page.read("tree"))["roots"]
    assert [(root["id"], [child["id"] for child in root["children"]]) for root in roots] == [(1, [2, 3]), (5, [])]
    everything = (await page.read("tree", all=1))["roots"]
    assert [child["id"] for child in everything[0]["children"]] == [2, 3, 4]
    graph = await page.read("graph", epic=1)
    assert [node["id"] for node in graph["nodes"]] == [2, 3, 4, 5]
    assert graph["edges"] == [[2, 3], [5, 2]]
    await page.read("graph", 404)


async def test_the_activity_is_paged_backwards(desk: Desk, page: Page) -> None:
    """The latest change first."""
    await plan(desk)
    feed = await page.read("activity")
    assert [entry["event"] for entry in feed["entries"]] == [7, 6, 5, 4, 3, 2, 1]
    assert feed["entries"][0]["by"] == "agent"
    assert feed["entries"][0]["text"].startswith("completed status: pending -> completed")
    assert feed["next"] is None
    older = await page.read("activity", before=3)
    assert [entry["event"] for entry in older["entries"]] == [2, 1]


async def test_a_link_is_told_from_both_ends(desk: Desk, page: Page) -> None:
    """What was linked says how and to which item, also when the link is removed."""
    agent = await desk.agent()
    await agent.create([NewItem("One"), NewItem("Two")])
    for kind in ("blocks", "relates_to"):
        await agent.link(1, 2, kind, remove=False)
    await agent.link(1, 2, "blocks", remove=True)
    told = [(entry["item"], entry["text"]) for entry in reversed((await page.read("activity"))["entries"])]
    assert told[2:] == [
        (1, "linked: blocks #2"), (2, "linked: blocked by #1"), (1, "linked: relates to #2"),
        (2, "linked: relates to #1"), (1, "unlinked: blocks #2"), (2, "unlinked: blocked by #1"),
    ]  # fmt: skip


async def test_script_in_every_field_is_data(desk: Desk) -> None:
    """Titles, labels and names come as they are, in JSON, which the page shows as text; Markdown as harmless HTML."""
    agent = await desk.agent("agent", SCRIPT)
    await agent.create([NewItem(SCRIPT, description=SCRIPT, labels=(SCRIPT[:50],), acceptance=(SCRIPT,))])
    await agent.update([ItemUpdate(1, note=SCRIPT, evidence=(f"file: {SCRIPT}",), status="in_progress")])
    page = await desk.page(ANN)
    item = await page.read("items/1")
    assert item["item"]["title"] == SCRIPT
    assert "<img" not in item["item"]["description_html"]
    assert "<img" not in item["notes"][0]["html"]
    answer = await page.client.get(f"/board/api/projects/{PROJECT_ID}/items/1")
    assert answer.headers["content-type"] == "application/json"
