"""Deleted items, and the way back, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.board.browsers import Boards, needs_chromium

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_what_was_deleted_is_listed_and_restored(boards: Boards, shop: Path) -> None:
    """The list says when it is empty; what was deleted together comes back together; the focus stays in the list."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [epic, mistake] = await agent.create("Old epic", "Was a mistake", item_type="epic")
        [child] = await agent.create("Below it", parent=epic)
        await board.shows(child, "ready")
        await board.key("view-deleted").focus()
        await board.press("Enter")
        await expect(board.page.locator("main")).to_contain_text("Nothing is deleted")
        await agent.told("delete_work_items", ids=[epic, mistake], confirm=True)
        listed = board.page.locator("main.deleted")
        for title in ("Old epic", "Below it", "Was a mistake"):
            await expect(listed).to_contain_text(title)
        await expect(listed.get_by_role("button", name="Restore")).to_have_count(2)
        await board.key("search").fill("mistake")
        await expect(listed).not_to_contain_text("Old epic")
        await board.key("search").fill("no such item")
        await board.page.get_by_role("button", name="Show all deleted items").click()
        await board.key(f"restore-{epic}").focus()
        await board.press("Enter")
        await board.focused(f"restore-{mistake}")
        await expect(listed).not_to_contain_text("Below it")
        await board.press("Enter")
        await board.focused("view-deleted")
        await expect(board.page.locator("main")).to_contain_text("Nothing is deleted")
        await board.key("toast-action").click()
        await expect(board.page.locator(".headline")).to_have_text("Was a mistake")
        for item in (epic, child, mistake):
            assert (await agent.item(item))["state"] in {"ready", "blocked"}


async def test_the_list_is_found_where_one_looks(boards: Boards, shop: Path) -> None:
    """A link leads there from the tree of all items, and from the page of an item that was deleted meanwhile."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [gone, _] = await agent.create("Gone", "Still here")
        await agent.told("delete_work_items", ids=[gone])
        await board.go(view="tree")
        await board.page.get_by_role("link", name="Deleted items").last.click()
        await board.page.locator("main.deleted .ref", has_text="Gone").click()
        await expect(board.page.locator(".panel")).to_contain_text("was deleted")
        await board.key("view-board").click()
        await board.page.get_by_role("link", name="All deleted items").click()
        await expect(board.page.locator("main.deleted")).to_contain_text("Gone")


async def test_what_cannot_be_restored_says_why(boards: Boards, shop: Path) -> None:
    """The list keeps it, and the refusal is told."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [gone] = await agent.create("Gone")
        await agent.told("delete_work_items", ids=[gone])
        await board.page.route("**/restore", lambda route: route.abort())
        await board.go(view="deleted")
        await board.key(f"restore-{gone}").click()
        await expect(board.page.get_by_role("alert")).to_contain_text("The server does not answer")
        await expect(board.key(f"restore-{gone}")).to_be_visible()
