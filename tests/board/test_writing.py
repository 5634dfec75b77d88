"""What one can change on the board, and what is refused."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.board.pages import ANN, Desk, Page, open_desk
from tests.support import PROJECT_ID, config_text, write_config
from workflow_mcp.board.access import Viewer
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.values import NewItem

HOUR = timedelta(hours=1)


async def make(page: Page, *titles: str, **fields: Any) -> list[dict[str, Any]]:
    """New items, as cards."""
    return [(await page.write("items", {"title": title, **fields}))["item"] for title in titles]


async def test_an_item_is_created_by_a_person(desk: Desk, page: Page) -> None:
    """With all its fields; its history says that it was done on the board, by whom."""
    await make(page, "First")
    fields = {
        "title": "Second",
        "item_type": "bug",
        "priority": 0,
        "labels": ["ui"],
        "parent": 1,
        "depends_on": [1],
        "acceptance": ["works"],
        "description": "**now**",
    }
    error = await page.refused("ITEM_CYCLE", 409, "items", fields)
    assert error["next_step"].startswith("leave that link")
    card = (await page.write("items", {**fields, "depends_on": []}))["item"]
    assert (card["id"], card["type"], card["priority"], card["labels"], card["parent"]) == (2, "bug", 0, ["ui"], 1)
    agent = await desk.agent()
    history = await agent.history(HistoryQuery(2))
    assert [(entry.action, entry.actor) for entry in history.entries] == [("created", "Ann (board)")]


async def test_fields_are_edited(page: Page) -> None:
    """Those that are sent; a parent of null makes it a top-level item again."""
    await make(page, "Parent")
    (card,) = await make(page, "Child", parent=1, labels=["a"], acceptance=["x", "y"])
    edited = await page.write(
        "items/2", {"version": card["version"], "title": "New", "priority": 4, "parent": None, "labels": [], "met": [2]}
    )
    card = edited["item"]
    assert (card["title"], card["priority"], card["parent"], card["labels"]) == ("New", 4, None, [])
    item = (await page.read("items/2"))["item"]
    assert item["acceptance"] == [{"text": "x", "met": False}, {"text": "y", "met": True}]


async def test_a_conflict_shows_the_item_as_it_is_now(desk: Desk, page: Page) -> None:
    """Who saved second gets both sides, and nothing of theirs is stored."""
    (card,) = await make(page, "Mine")
    other = await desk.page(Viewer("Bob", project=PROJECT_ID))
    await other.write("items/1", {"version": card["version"], "title": "Theirs"})
    for path, fields in (("items/1", {"title": "x"}), ("items/1/move", {"to": "done"}), ("items/1/delete", {})):
        error = await page.refused("VERSION_CONFLICT", 409, path, {"version": card["version"], **fields})
        assert (error["current"]["title"], error["current"]["version"]) == ("Theirs", 2)
    await page.write("items/1", {"title": "Whatever it is"})


async def test_moves_are_what_agents_do(page: Page) -> None:
    """To In progress is a claim, to Done completes, to Ready releases or reopens; to where it is changes nothing."""
    (card,) = await make(page, "Work")
    for to, state, holder in (
        ("in_progress", "in_progress", "Ann (board)"),
        ("ready", "ready", None),
        ("ready", "ready", None),
        ("done", "done", None),
        ("ready", "ready", None),
        ("cancelled", "cancelled", None),
    ):
        card = (await page.write("items/1/move", {"version": card["version"], "to": to}))["item"]
        assert (card["state"], card["holder"]) == (state, holder)
    assert [entry["action"] for entry in (await page.read("items/1"))["history"]] == [
        "created",
        "claimed",
        "released",
        "completed",
        "reopened",
        "cancelled",
    ]


async def test_moves_that_mean_nothing_are_refused(page: Page) -> None:
    """Nobody moves anything to Backlog, nor what is blocked to Ready or In progress."""
    await make(page, "First")
    await make(page, "Second", depends_on=[1])
    error = await page.refused("ITEM_INVALID", 400, "items/1/move", {"to": "backlog"})
    assert "waits for something" in error["message"]
    error = await page.refused("ITEM_INVALID", 400, "items/2/move", {"to": "ready"})
    assert "#1" in error["message"]
    await page.refused("ITEM_NOT_READY", 409, "items/2/move", {"to": "in_progress"})
    await page.refused("ITEM_UNFINISHED", 409, "items/2/move", {"to": "done"})
    await page.refused("ARGUMENT_INVALID", 400, "items/1/move", {"to": "nowhere"})
    await page.write("items/2/move", {"to": "backlog"}, 400)
    card = (await page.write("items/2/move", {"to": "done", "force": True}))["item"]
    assert card["state"] == "done"


@pytest.mark.parametrize(("path", "fields"), [("move", {"to": "ready"}), ("move", {"to": "done"}), ("release", {})])
async def test_what_an_agent_holds_is_taken_only_on_purpose(
    desk: Desk, page: Page, path: str, fields: dict[str, Any]
) -> None:
    """A drag does not take work out of an agent's hands; insisting on it does. Other edits are welcome meanwhile."""
    agent = await desk.agent()
    await agent.create([NewItem("Work")])
    await agent.claim(1, lease=HOUR)
    error = await page.refused("ITEM_CLAIMED", 409, f"items/1/{path}", fields)
    assert error["current"]["holder"] == "agent"
    await page.refused("ITEM_CLAIMED", 409, "items/1/claim", {})
    card = (await page.write("items/1", {"priority": 0}))["item"]
    assert (card["holder"], card["priority"]) == ("agent", 0)
    card = (await page.write(f"items/1/{path}", {**fields, "force": True}))["item"]
    assert card["holder"] is None


async def test_a_claim_is_taken_over(desk: Desk, page: Page) -> None:
    """One that has expired by just claiming the item; one that runs, on purpose."""
    agent = await desk.agent()
    await agent.create([NewItem("Expires"), NewItem("Runs")])
    await agent.claim(1, lease=timedelta(seconds=1))
    await agent.claim(2, lease=HOUR)
    while (await page.states())["in_progress"] != [2]:
        pass
    first = (await page.write("items/1/claim", {"lease_minutes": 5}))["item"]
    second = (await page.write("items/2/claim", {"force": True}))["item"]
    assert first["holder"] == second["holder"] == "Ann (board)"
    assert second["lease_until"] - first["lease_until"] > 7 * 3600
    released = (await page.write("items/1/release", {"version": first["version"]}))["item"]
    assert released["state"] == "ready"
    await page.refused("ITEM_INVALID", 400, "items/1/release", {})
    await page.refused("ARGUMENT_INVALID", 400, "items/1/claim", {"lease_minutes": 0})


async def test_notes_and_links(page: Page) -> None:
    """A link is made and removed from either end, under the name that it has there."""
    await make(page, "One", "Two")
    await page.write("items/1/notes", {"text": "*hm*"})
    assert (await page.read("items/1"))["notes"][0]["html"] == "<p><em>hm</em></p>\n"
    for kind, inverse in (
        ("blocks", "blocked_by"),
        ("relates_to", "relates_to"),
        ("duplicates", "duplicated_by"),
        ("discovered_from", "led_to"),
    ):
        await page.write("items/1/links", {"other": 2, "kind": kind})
        assert [link["kind"] for link in (await page.read("items/1"))["links"]] == [kind]
        assert [link["kind"] for link in (await page.read("items/2"))["links"]] == [inverse]
        await page.write("items/2/links", {"other": 1, "kind": inverse, "remove": True})
        assert (await page.read("items/1"))["links"] == []
    await page.write("items/1/links", {"other": 2, "kind": "relates_to"})
    await page.write("items/1/links", {"other": 2, "kind": "relates_to", "remove": True})
    assert (await page.read("items/1"))["links"] == []
    await page.refused("ITEM_INVALID", 400, "items/1/links", {"other": 1, "kind": "blocks"})


async def test_deleting_and_restoring(page: Page) -> None:
    """What is below goes only when it is confirmed; all of it comes back."""
    await make(page, "Parent")
    await make(page, "Child", parent=1)
    await page.refused("CHILDREN_NEED_CONFIRM", 409, "items/1/delete", {})
    assert (await page.write("items/1/delete", {"confirm": True}))["item"]["state"] == "deleted"
    assert (await page.read("items/1", 404))["error"]["code"] == "ITEM_DELETED"
    assert [card["id"] for card in (await page.read("column/deleted"))["items"]] == [1, 2]
    await page.refused("PARENT_DELETED", 409, "items/2/restore", {})
    assert (await page.write("items/1/restore", {}))["item"]["state"] == "backlog"
    assert await page.states() == {"backlog": [1], "ready": [2], "in_progress": [], "done": []}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("items", {}),
        ("items", {"title": ""}),
        ("items", {"title": "x", "id": 7}),
        ("items", {"title": "x", "assignee": "somebody else"}),
        ("items", {"title": 1}),
        ("items", {"title": "x", "labels": "ui"}),
        ("items", {"title": "x", "priority": 9}),
        ("items", {"title": "x" * 201}),
        ("items/1", {"status": "completed"}),
        ("items/1", {"version": "1"}),
        ("items/1/notes", {"text": ""}),
        ("items/1/links", {"other": 1, "kind": "likes"}),
    ],
)
async def test_what_is_not_right_is_refused(page: Page, path: str, fields: dict[str, Any]) -> None:
    """Unknown fields, wrong types, and values that the tools refuse too; nothing of it is stored."""
    await make(page, "One")
    answer = await page.write(path, fields, 400)
    assert answer["error"]["code"] in {"ARGUMENT_INVALID", "ITEM_INVALID"}
    assert (await page.read("board"))["event"] == 1


async def test_unknown_items_and_projects(page: Page) -> None:
    """They are not found, whatever is to be done with them."""
    for path in ("", "/move", "/claim", "/release", "/notes", "/links", "/delete", "/restore"):
        fields = {"/move": {"to": "done"}, "/notes": {"text": "x"}, "/links": {"other": 2, "kind": "blocks"}}
        await page.refused("ITEM_NOT_FOUND", 404, f"items/99{path}", fields.get(path, {}))
    page.project = "eca49f13-0000-4958-95a0-d7b9ba2a42eb"
    await page.refused("PROJECT_UNKNOWN", 404, "items", {"title": "x"})


@pytest.mark.parametrize(
    ("keys", "code", "status"),
    [({"dry_run": True}, "DRY_RUN", 403), ({"require_evidence": True}, "EVIDENCE_REQUIRED", 409)],
)
async def test_the_rules_of_the_config_hold(tmp_path: Path, keys: dict[str, Any], code: str, status: int) -> None:
    """Those of the directory that the board was opened from; without one, of where the project was worked in last."""
    strict, free, gone = (tmp_path / name for name in ("strict", "free", "gone"))
    for folder, text in ((strict, config_text(**keys)), (free, config_text()), (gone, config_text())):
        folder.mkdir()
        write_config(folder, text)
    async with open_desk(tmp_path / "home") as desk:
        opened_there = await desk.page(Viewer("Ann", project=PROJECT_ID, directory=str(strict)))
        elsewhere = await desk.page(Viewer("Ann", project="another", directory=str(free)))
        for directory in (strict, gone):
            await (await desk.agent(directory=str(directory))).create([NewItem("One")])
        shutil.rmtree(gone)
        for page in (opened_there, elsewhere, await desk.page(ANN)):
            await page.refused(code, status, "items/1/move", {"to": "done"})
        await (await desk.page(Viewer("Ann", project=PROJECT_ID, directory=str(free)))).write(
            "items/1", {"priority": 1}
        )
        for page in (elsewhere, await desk.page(ANN)):
            await page.write("items/1/move", {"to": "done"})


async def test_the_rules_of_another_project_do_not_hold(tmp_path: Path) -> None:
    """Who opened the board in a project that nothing may be changed in may change others, whose directory it is not."""
    write_config(tmp_path, config_text(dry_run=True))
    async with open_desk(tmp_path / "home") as desk:
        other = await (await desk.site.store()).find_or_create_project("other")
        page = await desk.page(Viewer("Ann", project=PROJECT_ID, directory=str(tmp_path)))
        page.project = other.known_id
        assert (await page.write("items", {"title": "Free"}))["item"]["id"] == 1
        assert (await page.write("items/1/claim", {}))["item"]["directory"] is None
        page.project = PROJECT_ID
        await page.refused("DRY_RUN", 403, "items", {"title": "Not here"})


async def test_a_reader_changes_nothing(desk: Desk) -> None:
    """With tokens, a member who may only read is told so, and nobody sees the projects of others."""
    from workflow_mcp.work.members import Member

    agent = await desk.agent()
    await agent.create([NewItem("One")])
    store = await desk.site.store()
    await store.set_member(agent.data.project, Member("bob", "admin"))
    await store.set_member(agent.data.project, Member("ann", "read"))
    reader = await desk.page(Viewer("ann", principal="ann", project=PROJECT_ID))
    assert [one["may_write"] for one in (await reader.get("projects"))["projects"]] == [False]
    assert (await reader.states())["ready"] == [1]
    await reader.refused("ROLE_INSUFFICIENT", 403, "items/1/move", {"to": "done"})
    stranger = await desk.page(Viewer("eve", principal="eve", project=PROJECT_ID))
    assert (await stranger.get("projects"))["projects"] == []
    await stranger.read("board", 404)
    await stranger.read("events", 404)
