"""What the board shows, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.board.browsers import Board, Boards, needs_chromium
from tests.board.test_static import MAX_PAGE_BYTES
from tests.checkers.node import FOLDER
from tests.clients.agents import Agent, ids_in
from tests.clients.served import served_here

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="session")]

AXE = None if FOLDER is None else Path(FOLDER, "node_modules", "axe-core", "axe.min.js")
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PLACES: list[dict[str, object]] = [
    {}, {"item": 2}, {"view": "tree"}, {"view": "graph", "epic": 1}, {"view": "graph"}, {"view": "activity"},
    {"view": "deleted"}, {"text": "there is no such item"}, {"item": 999},
]  # fmt: skip


async def plan(agent: Agent) -> list[int]:
    """An epic; below it the form, the API, and a test that waits for both."""
    items = [
        {"title": "Log in", "item_type": "epic", "ref": "login"},
        {"title": "Build the form", "parent": "login", "ref": "form", "labels": ["web"]},
        {
            "title": "Build the API",
            "parent": "login",
            "ref": "api",
            "priority": 1,
            "description": "Say **no** politely.",
        },
        {"title": "Test both", "parent": "login", "depends_on": ["form", "api"]},
        {"title": "Choose a colour", "item_type": "research", "priority": 4},
    ]
    return ids_in(await agent.told("create_work_items", items=items))


async def planned(boards: Boards, folder: Path) -> list[int]:
    """The same in a folder's project."""
    async with boards.agent(folder) as agent:
        return await plan(agent)


async def test_a_card_tells_who_works_where_and_why_others_wait(boards: Boards, shop: Path) -> None:
    """Columns with counts; on a card its holder, the rest of the lease, directory, labels, and what it waits for."""
    async with boards.agent(shop) as agent:
        epic, form, api, test, _ = await plan(agent)
        await agent.told("claim_work_item", id=api, actor="one")
        await agent.finish(form)
    async with boards.open(shop) as board:
        await board.shows(api, "in_progress")
        await expect(board.card(api)).to_contain_text(re.compile(r"one.*(60|59) min left"))
        await expect(board.card(api).locator(".path")).to_have_attribute("title", str(shop))
        await board.shows(form, "done")
        await expect(board.card(form)).to_contain_text("web")
        await expect(board.card(test, "backlog")).to_contain_text(f"waits for #{api}")
        for column, count in (("backlog", 2), ("ready", 1), ("in_progress", 1), ("done", 1)):
            await expect(board.page.locator(f'[data-column="{column}"] .count')).to_have_text(str(count))
        await expect(board.key(f"epic-{epic}")).to_contain_text("1/3")


async def test_an_epic_a_search_and_other_views_show_a_part(boards: Boards, shop: Path) -> None:
    """A click on an epic filters; so does a search as it is typed; tree, graph and activity show the same items."""
    epic, form, api, test, colour = await planned(boards, shop)
    async with boards.open(shop) as board:
        await board.key(f"epic-{epic}").click()
        await expect(board.card(colour)).to_have_count(0)
        await board.key("view-graph").click()
        left, right = board.key(f"node-{form}"), board.key(f"node-{test}")
        await expect(right).to_contain_text("Test both")
        boxes = [await left.bounding_box(), await right.bounding_box()]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
        await expect(board.page.locator("path.edge")).to_have_count(2)
        await board.key(f"epic-{epic}").click()
        await board.key("view-tree").click()
        await expect(board.page.locator("li li", has_text="Build the API")).to_be_visible()
        await board.key(f"fold-{epic}").click()
        await expect(board.page.locator("li li")).to_have_count(0)
        await board.key("view-activity").click()
        await expect(board.page.locator(".activity")).to_contain_text("Build the form created")
        await board.key("view-board").click()
        await board.key("search").fill("colour")
        await board.shows(colour, "ready")
        await expect(board.page.locator(".card")).to_have_count(1)
        await board.key("search").fill("nothing at all")
        await board.page.get_by_role("button", name="Show everything").click()
        await board.shows(api, "ready")


async def test_an_item_has_a_page(boards: Boards, shop: Path) -> None:
    """Its description is Markdown; notes, criteria, evidence, links, children and history are there."""
    async with boards.agent(shop) as agent:
        _, _, api, test, _ = await plan(agent)
        update = {"id": api, "note": "A *long* story", "acceptance": ["It is fast"], "evidence": ["commit 1a2b3c4"]}
        await agent.told("update_work_items", updates=[update])
    async with boards.open(shop) as board:
        await board.card(api).locator("a").click()
        panel = board.page.locator(".panel")
        await expect(panel.locator(".prose strong")).to_have_text("no")
        await expect(panel.locator(".notes em")).to_have_text("long")
        for text in ("It is fast", "commit: 1a2b3c4", "Test both", "Log in", "created"):
            await expect(panel).to_contain_text(text)
        await panel.locator(".ref", has_text="Log in").click()
        await expect(panel.locator(".headline")).to_have_text("Log in")
        await panel.get_by_role("link", name="Show the graph").click()
        await expect(board.key(f"node-{test}")).to_be_visible()


async def test_script_is_shown_as_text(boards: Boards, shop: Path) -> None:
    """Whatever agents write into whichever field, the board shows it and runs none of it."""
    async with boards.agent(shop) as agent:
        fields = {"description": f"{SCRIPT} [x](javascript:alert(1))", "labels": ["<b>x</b>"], "acceptance": [SCRIPT]}
        [item] = await agent.create(SCRIPT, item_type="epic", **fields)
        await agent.told("update_work_items", updates=[{"id": item, "note": SCRIPT, "evidence": [SCRIPT]}])
    async with boards.open(shop, name="<b>Ann</b>") as board:
        await expect(board.card(item).locator(".title")).to_have_text(SCRIPT)
        for route in ({"item": item}, {"view": "tree"}, {"view": "activity"}, {"view": "graph", "epic": item}):
            await board.go(**route)
            await expect(board.page.locator("main")).to_be_visible()
        await board.go(item=item)
        await expect(board.page.locator(".panel .notes")).to_contain_text("<script>")
        assert await board.page.title() == "shop · board"
        assert await board.page.locator("#app :is(img, script, a[href^=javascript])").count() == 0


async def test_a_narrow_window_is_enough(boards: Boards, shop: Path) -> None:
    """On a telephone nothing is cut off: columns follow each other, the item's page covers them, the menu moves."""
    phone = {"width": 360, "height": 740}
    _, form, *_ = await planned(boards, shop)
    async with boards.open(shop, viewport=phone, has_touch=True) as board:
        await board.shows(form, "ready")
        assert await board.page.evaluate("() => document.documentElement.scrollWidth") <= phone["width"]
        await board.card(form).locator("a").tap()
        assert await board.page.locator(".panel").bounding_box() == {"x": 0, "y": 0, **phone}
        await board.key("panel-menu").tap()
        await expect(board.page.get_by_role("menuitemradio", name="In progress")).to_be_in_viewport()
        await board.page.locator(".backdrop").tap(position={"x": 5, "y": 5})
        await board.key("panel-close").tap()
        await expect(board.page.locator(".panel")).to_have_count(0)


@pytest.mark.skipif(AXE is None or not AXE.exists(), reason="MCP_CHECKERS has no axe-core; .ci/run installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(boards: Boards, shop: Path, scheme: str) -> None:
    """No view and no dialog, light or dark, hides anything from those who cannot see well or use no pointer."""
    assert AXE is not None
    async with boards.agent(shop) as agent:
        await plan(agent)
        await agent.told("claim_work_item", id=2, actor="one")
    async with boards.open(shop, color_scheme=scheme) as board:
        await board.page.evaluate(AXE.read_text(encoding="utf-8"))
        for place in PLACES if scheme == "light" else PLACES[:3]:  # colours are all that differs
            await board.go(**place)
            await expect(board.page.locator("main")).to_be_visible()
            assert await serious(board) == [], place
        for key in ("n", "?"):
            await board.press(key)
            await expect(board.page.locator("dialog")).to_be_visible()
            assert await serious(board) == [], key
            await board.press("Escape")


async def serious(board: Board) -> list[str]:
    """What axe-core finds that is serious or critical."""
    found = await board.page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['nodes'][0]['html']}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


async def test_five_thousand_items_are_shown_by_the_hundred(boards: Boards, shop: Path) -> None:
    """The page holds a hundred cards a column, and more when they are asked for; a search finds any of them."""
    async with boards.agent(shop) as agent:
        for batch in range(50):
            titles = [f"Item {number} of many" for number in range(batch * 100, batch * 100 + 100)]
            await agent.told("create_work_items", items=[{"title": title} for title in titles])
    async with boards.open(shop) as board:
        await expect(board.page.locator('[data-column="ready"] .count')).to_have_text("5000")
        await expect(board.page.locator(".card")).to_have_count(100)
        await board.key("more-ready").click()
        await expect(board.page.locator(".card")).to_have_count(200)
        await board.press("/")
        await board.page.keyboard.type("4321")
        await board.shows(4322, "ready")
        await expect(board.page.locator(".card")).to_have_count(1)


async def test_the_browser_receives_little(boards: Boards, shop: Path) -> None:
    """Everything that the empty board's page is made of is less than 60 kB on the wire."""
    async with boards.open(shop) as board:
        sizes = "() => performance.getEntries().map(({ encodedBodySize: size, name }) => [name, size ?? 0])"
        entries: list[tuple[str, int]] = await board.page.evaluate(sizes)
        received = {name: size for name, size in entries if "/board/" in name}
        assert len([name for name in received if "/static/" in name]) == 3
        assert sum(received.values()) < MAX_PAGE_BYTES


async def test_a_board_that_nobody_opened_says_how(boards: Boards, shop: Path) -> None:
    """Without a cookie, and with a key that was used, the page names the command that opens it."""
    key = await boards.key_for(shop)
    context = await boards.browser.new_context()
    async with boards.open(shop):
        page = await context.new_page()
        await page.goto(boards.page_url("unknown"))
        await expect(page.locator("main")).to_contain_text("workflow-mcp board")
        await page.goto(boards.page_url(key))
        await page.reload()
        await expect(page.locator("main")).to_contain_text("Nothing is planned yet")
        assert "key=" not in page.url
    await context.close()


async def test_boards_on_two_ports_are_open_side_by_side(boards: Boards, shop: Path, tmp_path: Path) -> None:
    """A browser sends a cookie to each port of a machine; the board of one server does not close that of another."""
    async with boards.agent(shop) as agent, served_here(tmp_path / "other") as server, boards.open(shop) as board:
        [item] = await agent.create("Here")
        await board.shows(item, "ready")
        second = Boards(server.url, boards.browser)
        beside = await board.page.context.new_page()
        await beside.goto(second.page_url(await second.key_for(shop)))
        await expect(beside.locator("main")).to_contain_text("Nothing is planned yet")
        await board.page.reload()
        await board.shows(item, "ready")
        await beside.reload()
        await expect(beside.locator("main")).to_contain_text("Nothing is planned yet")
        assert len(await board.page.context.cookies()) == 2
