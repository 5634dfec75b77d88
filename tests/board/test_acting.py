"""What people do on the board, and how others see it while it happens, in real browsers."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.board.browsers import Board, Boards, needs_chromium
from tests.clients.agents import make_project
from tests.clients.served import Served, serving

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="session")]

STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };
window.openStreams = () => streams.filter(({ readyState }) => readyState === EventSource.OPEN).length;
"""


async def drag(board: Board, item: int, column: str, *, release: bool = True) -> None:
    """Drag a card over a column, in steps, as a hand does."""
    page = board.page
    card = await board.card(item).bounding_box()
    target = await board.frame.locator(f'[data-column="{column}"]').bounding_box()
    assert card is not None
    assert target is not None
    await page.mouse.move(card["x"] + 30, card["y"] + 30)
    await page.mouse.down()
    await page.mouse.move(card["x"] + 60, card["y"] + 50, steps=3)
    await page.mouse.move(target["x"] + target["width"] / 2, target["y"] + 300, steps=5)
    await expect(board.frame.locator(".ghost")).to_be_visible()
    if release:
        await page.mouse.up()


async def test_two_boards_see_what_four_clients_do(boards: Boards, shop: Path) -> None:
    """Each creates, claims and finishes an item at the same time; both boards show every step, and a person's too."""
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(boards.agent(shop)) for _ in range(4)]
        both = [await stack.enter_async_context(boards.open(shop, name)) for name in ("Ann", "Ben")]

        async def all_see(items: list[int], column: str) -> None:
            await asyncio.gather(*(board.shows(item, column) for board in both for item in items))

        created = await asyncio.gather(*(agent.create(f"Item of {n}") for n, agent in enumerate(agents)))
        items = [one for [one] in created]
        await all_see(items, "ready")
        calls = [
            agent.told("claim_work_item", id=item, actor=f"a{item}") for agent, item in zip(agents, items, strict=True)
        ]
        await asyncio.gather(*calls)
        await all_see(items, "in_progress")
        done = zip(agents[:3], items, strict=False)
        await asyncio.gather(*(agent.finish(item, actor=f"a{item}") for agent, item in done))
        await all_see(items[:3], "done")
        await drag(both[0], items[0], "ready")
        await all_see(items[:1], "ready")
        assert (await agents[0].item(items[0]))["state"] == "ready"


async def test_a_card_is_dragged_to_another_column(boards: Boards, shop: Path) -> None:
    """It follows the pointer and is moved where it is dropped; Escape lets go of it; neither opens the item."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [item] = await agent.create("Move me")
        await board.shows(item, "ready")
        await drag(board, item, "done", release=False)
        await expect(board.page.locator('[data-column="done"]')).to_have_class(re.compile("target"))
        await board.press("Escape")
        await expect(board.page.locator(".ghost")).to_have_count(0)
        await board.page.mouse.up()
        await drag(board, item, "in_progress")
        await board.shows(item, "in_progress")
        await expect(board.card(item)).to_contain_text("Ann (board)")
        await expect(board.page.locator(".panel")).to_have_count(0)


async def test_the_keyboard_is_enough(boards: Boards, shop: Path) -> None:
    """n creates, arrows go from card to card, m moves, Enter opens, / searches, ? helps; the focus is never lost."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        await board.press("n")
        await board.page.keyboard.type("First")
        await board.press("Enter")
        await board.focused("card-1")
        await agent.create("Second", priority=3)
        await board.shows(2, "ready")
        await board.focused("card-1")
        await board.press("ArrowDown")
        await board.focused("card-2")
        await board.press("m")
        await expect(board.page.get_by_role("menu")).to_be_visible()
        await board.press("ArrowDown", "ArrowUp", "End", "Escape")
        await board.focused("card-2")
        await board.press("m", "Enter")
        await board.shows(2, "in_progress")
        await board.focused("card-2")
        await board.press("ArrowLeft")
        await board.focused("card-1")
        await agent.told("update_work_items", updates=[{"id": 1, "priority": 0}])
        await expect(board.card(1)).to_contain_text("P0")
        await board.focused("card-1")
        await board.press("Enter")
        await expect(board.page.locator(".headline")).to_have_text("First")
        await board.press("Escape")
        await board.focused("card-1")
        await board.press("?")
        await expect(board.page.get_by_role("dialog")).to_contain_text("From card to card")
        await board.press("Escape", "/")
        await board.focused("search")
        await board.page.keyboard.type("n?m")
        await expect(board.page.locator("main")).to_contain_text("No item matches")
        await board.press("Escape")
        await board.shows(1, "ready")


async def test_an_item_is_created_and_edited(boards: Boards, shop: Path) -> None:
    """Every field of the form reaches the item; what is refused stands in the form, and nothing typed is lost."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [epic] = await agent.create("Log in", item_type="epic")
        await board.shows(epic, "ready")
        await board.key("new").click()
        form = board.page.locator("dialog form")
        texts = {"title": "Form", "description": "**Soon**", "labels": "web, urgent", "acceptance": "Works\nLooks good"}
        for name, text in {**texts, "parent": "#77"}.items():
            await form.locator(f"[name={name}]").fill(text)
        await form.locator("[name=item_type]").select_option("feature")
        await form.locator("[name=priority]").select_option("1")
        await form.get_by_role("button", name="Create").click()
        await expect(form.get_by_role("alert")).to_contain_text("77")
        await board.press("Escape", "n")
        await expect(form.locator("[name=title]")).to_have_value("Form")
        await form.locator("[name=parent]").fill(f"#{epic}")
        await form.get_by_role("button", name="Create").click()
        await board.shows(2, "ready")
        item = await agent.item(2)
        assert {name: item[name] for name in ("title", "item_type", "priority", "description", "parent")} == {
            "title": "Form", "item_type": "feature", "priority": 1, "description": "**Soon**", "parent": epic,
        }  # fmt: skip
        assert sorted(item["labels"]) == ["urgent", "web"]
        await board.card(2).locator("a").click()
        await board.key("edit").click()
        await form.locator("[name=labels]").fill("web")
        await form.locator("[name=parent]").fill("")
        await form.get_by_role("button", name="Save").click()
        await expect(board.page.locator(".panel .label")).to_have_text(["web"])
        await board.page.locator(".panel .acceptance label", has_text="Works").click()
        await board.key("priority").select_option("4")
        await expect(board.card(2)).to_contain_text("P4")
        item = await agent.item(2)
        assert [item["parent"], item["labels"], item["title"]] == [None, ["web"], "Form"]
        assert ["[x]" in one for one in item["acceptance"]] == [True, False]


async def test_a_conflict_shows_both_sides(boards: Boards, shop: Path) -> None:
    """What the person saw, what it is now and what they want stand side by side; either can hold."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [item] = await agent.create("One")
        for wanted, choice, holds in (("Mine", "Leave it as it is", "Theirs"), ("Mine", "Apply mine", "Mine")):
            await board.go(item=item)
            await board.key("edit").click()
            await agent.told("update_work_items", updates=[{"id": item, "title": "Theirs", "priority": 3}])
            await board.page.locator("[name=title]").fill(wanted)
            await board.page.get_by_role("button", name="Save").click()
            dialog = board.page.locator("dialog.conflict")
            await expect(dialog).to_contain_text("has changed meanwhile")
            await expect(dialog.get_by_role("row", name="title")).to_contain_text(re.compile(r"Theirs.*Mine"))
            await dialog.get_by_role("button", name=choice).click()
            await expect(dialog).to_have_count(0)
            await expect(board.page.locator(".headline")).to_have_text(holds)
            assert (await agent.item(item))["title"] == holds
            await agent.told("update_work_items", updates=[{"id": item, "title": "One", "priority": 2}])
            await expect(board.page.locator(".headline")).to_have_text("One")


async def test_claims_are_taken_released_and_overridden(boards: Boards, shop: Path) -> None:
    """A person takes what is ready and gives it back; what another holds changes only when they insist."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [item, other] = await agent.create("Mine", "Theirs")
        await board.go(item=item)
        await board.key("claim").click()
        await board.shows(item, "in_progress")
        await expect(board.page.locator(".panel")).to_contain_text("Ann (board)")
        await board.key("release").click()
        await board.shows(item, "ready")
        await agent.told("claim_work_item", id=other, actor="somebody")
        await board.shows(other, "in_progress")
        await board.go(item=other)
        await board.key("release").click()
        await expect(board.page.locator("dialog")).to_contain_text("somebody")
        await board.shows(other, "in_progress")
        await board.page.get_by_role("button", name="Do it all the same").click()
        await board.shows(other, "ready")


async def test_a_person_writes_down_what_shows_that_it_is_done(boards: Boards, tmp_path: Path) -> None:
    """Where the project's config requires evidence, its absence is told, and it is written on the item's page."""
    shop = make_project(tmp_path, "shop", require_evidence=True)
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [item] = await agent.create("Prove it")
        await board.go(item=item)
        await drag(board, item, "done")
        await expect(board.page.get_by_role("alert")).to_contain_text("evidence")
        await board.shows(item, "ready")
        await board.key("evidence").fill("tests: 12 passed")
        await board.press("Enter")
        await expect(board.page.locator(".panel .evidence")).to_contain_text("12 passed")
        await expect(board.key("evidence")).to_have_value("")
        await drag(board, item, "done")
        await board.shows(item, "done")


async def test_notes_links_deletion_and_undo(boards: Boards, shop: Path) -> None:
    """A note is added, a link made and removed, an item deleted and brought back."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [first, second] = await agent.create("First", "Second")
        await board.go(item=second)
        await board.key("note").fill("A note of *mine*")
        await board.page.get_by_role("button", name="Add note").click()
        await expect(board.page.locator(".notes")).to_contain_text("Ann (board)")
        await expect(board.key("note")).to_have_value("")
        await board.key("link-other").fill(f"#{first}")
        await board.page.get_by_role("button", name="Link", exact=True).click()
        await board.shows(second, "backlog")
        await expect(board.card(second)).to_contain_text(f"waits for #{first}")
        await board.page.get_by_role("button", name=f"Remove the link to #{first}").click()
        await board.shows(second, "ready")
        await board.key("delete").click()
        await expect(board.card(second)).to_have_count(0)
        await expect(board.page.locator(".panel")).to_have_count(0)
        await board.key("toast-action").click()
        await board.shows(second, "ready")
        await agent.told("delete_work_items", ids=[second])
        await expect(board.card(second)).to_have_count(0)
        await board.go(item=second)
        await board.key("restore").click()
        await board.shows(second, "ready")


async def test_a_reload_in_the_middle_keeps_the_place(boards: Boards, shop: Path) -> None:
    """View, epic, search and the open item are in the address, and nothing that opens the board is."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [epic] = await agent.create("Log in", item_type="epic")
        [child, _] = await agent.create("Form", "Page", parent=epic)
        await board.key(f"epic-{epic}").click()
        await board.key("search").fill("form")
        await expect(board.page.locator(".card")).to_have_count(1)
        await board.card(child).locator("a").click()
        await board.key("theme").click()
        await board.page.reload()
        await expect(board.page.locator(".headline")).to_have_text("Form")
        await expect(board.page.locator(".card")).to_have_count(1)
        await expect(board.key(f"epic-{epic}")).to_have_attribute("aria-pressed", "true")
        await expect(board.key("search")).to_have_value("form")
        await expect(board.page.locator("html")).to_have_attribute("data-theme", "dark")
        await board.press("Escape")
        await board.page.go_back()
        await expect(board.page.locator(".headline")).to_have_text("Form")


async def test_a_restart_of_the_server_loses_nothing(browser: Browser, shop: Path, tmp_path: Path) -> None:
    """The board says that it is alone, connects again by itself, and shows what was done meanwhile."""
    async with AsyncExitStack() as stack:
        with serving(tmp_path / "home") as first:
            boards = Boards(first.url, browser)
            board = await stack.enter_async_context(boards.open(shop))
            async with boards.agent(shop) as agent:
                [item] = await agent.create("Before")
            await board.shows(item, "ready")
        await expect(board.page.get_by_text("Reconnecting")).to_be_visible()
        await board.key("view-activity").click()
        await expect(board.page.get_by_role("alert")).to_contain_text("The server does not answer")
        await board.key("view-board").click()
        with serving(tmp_path / "home", "--port", port_of(first)) as again:
            async with Boards(again.url, browser).agent(shop) as agent:
                await expect(board.page.get_by_text("Reconnecting")).to_have_count(0)
                await expect(board.page.get_by_text("does not answer")).to_have_count(0)
                await agent.finish(item)
                await board.shows(item, "done")
                [later] = await agent.create("After")
            await board.shows(later, "ready")
            await stack.aclose()


def port_of(served: Served) -> str:
    """The port of a server's URL."""
    found = re.search(r":(\d+)/", served.url)
    assert found is not None
    return found[1]


async def test_a_hidden_tab_has_no_stream(boards: Boards, shop: Path) -> None:
    """A tab has one stream while it can be seen and none while it cannot; back again, it shows what it missed."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        await board.page.add_init_script(STREAMS)
        await board.page.reload()
        await board.page.wait_for_function("() => window.openStreams() === 1")
        await hide(board, hidden=True)
        assert await board.page.evaluate("() => window.openStreams()") == 0
        [item] = await agent.create("Unseen")
        await hide(board, hidden=False)
        await board.shows(item, "ready")
        assert await board.page.evaluate("() => window.openStreams()") == 1


async def hide(board: Board, *, hidden: bool) -> None:
    """What the browser does when another tab is chosen: it has no windows here."""
    change = """hidden => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await board.page.evaluate(change, hidden)


async def test_a_project_that_one_may_only_read_offers_no_change(boards: Boards, shop: Path) -> None:
    """No button, form or menu for a change is there, and n does nothing."""
    async with boards.agent(shop) as agent, boards.open(shop) as board:
        [item] = await agent.create("Look at me")
        projects = await board.page.evaluate("() => fetch('/board/api/projects').then((answer) => answer.json())")
        for project in projects["projects"]:
            project["may_write"] = False
        await board.page.route("**/api/projects", lambda route: route.fulfill(json=projects))
        await board.page.reload()
        await board.card(item).locator("a").click()
        await board.press("n", "m")
        await expect(board.page.locator(".headline")).to_have_text("Look at me")
        offered = board.page.locator(
            'dialog, .menu, form, [data-key="new"], .buttons, .card button, .panel select:enabled'
        )
        await expect(offered).to_have_count(0)
