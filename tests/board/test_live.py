"""Live updates: every change is told, once, to all who look, and to nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.board.pages import ANN, ORIGIN, PROJECT, Desk, Page, open_desk
from tests.storage.support import open_store
from tests.support import BOUND, PROJECT_ID, until
from workflow_mcp.board import live, watching
from workflow_mcp.board.access import Viewer
from workflow_mcp.board.app import build_board
from workflow_mcp.board.live import follow
from workflow_mcp.board.recent import MAX_ANSWERS, Recent, Together
from workflow_mcp.work.members import Member
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem


class Stream:
    """A browser's stream of a project's changes."""

    def __init__(self) -> None:
        self.status = 0
        self.text = ""
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._taken = 0

    async def send(self, message: Any) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.text += message.get("body", b"").decode()
        *events, _ = self.text.split("\r\n\r\n")
        for event in events[self._taken :]:
            fields = dict(line.split(": ", 1) for line in event.split("\r\n"))
            if "event" in fields:
                data = json.loads(fields["data"])
                self._events.put_nowait({"name": fields["event"], "id": fields.get("id"), **data})
        self._taken = len(events)

    async def next(self) -> dict[str, Any]:
        """The next event."""
        async with asyncio.timeout(BOUND):
            return await self._events.get()

    @property
    def waiting(self) -> int:
        """How many events have come that were not asked for yet."""
        return self._events.qsize()


@asynccontextmanager
async def streaming(desk: Desk, page: Page, last: int | None = None) -> AsyncIterator[Stream]:
    """The stream of a page, until its tab is closed."""
    cookies = "; ".join(f"{name}={value}" for name, value in page.client.cookies.items())
    headers = [(b"host", b"127.0.0.1:8765"), (b"cookie", cookies.encode()), (b"origin", ORIGIN.encode())]
    headers += [] if last is None else [(b"last-event-id", str(last).encode())]
    scope = {
        "type": "http", "method": "GET", "path": f"/board/api/projects/{page.project}/events", "query_string": b"",
        "headers": headers, "scheme": "http", "server": ("127.0.0.1", 8765), "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    stream, closed, begun = Stream(), asyncio.Event(), False

    async def receive() -> Any:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await closed.wait()
        return {"type": "http.disconnect"}

    task = asyncio.create_task(build_board(desk.site, desk.settings)(scope, receive, stream.send))
    try:
        yield stream
    finally:
        closed.set()
        async with asyncio.timeout(BOUND):
            await task


async def test_every_change_is_told(desk: Desk, page: Page) -> None:
    """First where the history is at, then what changed: on the board, by an agent, and by another process."""
    async with streaming(desk, page) as stream:
        assert await stream.next() == {"name": "hello", "id": None, "event": 0}
        await page.write("items", {"title": "One"})
        assert await stream.next() == {"name": "change", "id": "1", "items": [1], "event": 1}
        agent = await desk.agent()
        await agent.update([ItemUpdate(1, status="in_progress")])
        assert (await stream.next())["items"] == [1]
        async with open_store(desk.settings.data_dir) as elsewhere:
            await elsewhere.create_items(PROJECT, [NewItem("Two")], Actor("other", "/elsewhere"))
            assert await stream.next() == {"name": "change", "id": "3", "items": [2], "event": 3}


async def test_a_browser_misses_nothing_when_it_connects_again(desk: Desk, page: Page) -> None:
    """It names the last event that it had, and is told of what came after."""
    agent = await desk.agent()
    await agent.create([NewItem(f"Item {number}") for number in range(4)])
    async with streaming(desk, page, last=2) as stream:
        assert (await stream.next())["event"] == 4
        assert await stream.next() == {"name": "change", "id": "4", "items": [3, 4], "event": 4}
    async with streaming(desk, page, last=4) as stream:
        assert (await stream.next())["name"] == "hello"
        await agent.create([NewItem("Another")])
        assert (await stream.next())["items"] == [5]


async def test_a_history_that_went_back_is_told(desk: Desk, page: Page) -> None:
    """After a backup was restored, or after very much, a browser fetches everything: no items are named."""
    agent = await desk.agent()
    await agent.create([NewItem("One")])
    async with streaming(desk, page, last=77) as stream:
        await stream.next()
        assert await stream.next() == {"name": "change", "id": "1", "items": [], "event": 1}
    for _ in range(3):
        await agent.create([NewItem("Many")] * 100)
    async with streaming(desk, page, last=1) as stream:
        await stream.next()
        assert (await stream.next())["items"] == []


async def test_a_burst_is_told_together(desk: Desk, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much happens, a stream has at most one event for each pause, and in the end it has had everything."""
    readings = 0
    read = watching.news_since

    async def counted(*arguments: Any) -> Any:
        nonlocal readings
        readings += 1
        return await read(*arguments)

    monkeypatch.setattr(watching, "news_since", counted)
    agent = await desk.agent()
    async with streaming(desk, page) as stream:
        await stream.next()
        for number in range(30):
            await agent.create([NewItem(f"Item {number}")])
        items: list[int] = []
        events = 0
        while len(items) < 30:
            items += (await stream.next())["items"]
            events += 1
        assert sorted(items) == list(range(1, 31))
        assert events <= readings <= 15


async def test_one_task_reads_for_all_boards(desk: Desk) -> None:
    """Twenty boards cost what one does; when the last is closed, nothing is watched any more."""
    agent = await desk.agent()
    pages = [await desk.page() for _ in range(20)]
    async with asyncio.timeout(BOUND):
        streams = [streaming(desk, page) for page in pages]
        opened = [await one.__aenter__() for one in streams]
        assert {(await stream.next())["name"] for stream in opened} == {"hello"}
        assert len(desk.site.watches) == 1
        await agent.create([NewItem("One")])
        assert [(await stream.next())["items"] for stream in opened] == [[1]] * 20
        for one in streams:
            await one.__aexit__(None, None, None)
    await until(lambda: len(desk.site.watches) == 0)


async def test_projects_are_told_apart(desk: Desk, page: Page) -> None:
    """A board hears nothing of other projects."""
    store = await desk.site.store()
    other = await store.find_or_create_project("other")
    async with streaming(desk, page) as stream:
        await stream.next()
        await store.create_items(other, [NewItem("Elsewhere")], Actor("agent", "/"))
        await page.write("items", {"title": "Here"})
        assert (await stream.next())["event"] == 1
        assert stream.waiting == 0


async def test_who_was_just_removed_gets_no_stream(desk: Desk) -> None:
    """Also while it is still known what the project is called: they are told why."""
    agent, store = await desk.agent(), await desk.site.store()
    await agent.create([NewItem("One")])
    await store.set_member(PROJECT, Member("ann", "admin"))
    await store.set_member(PROJECT, Member("bob", "read"))
    bob = await desk.page(Viewer("bob", principal="bob", project=PROJECT_ID))
    await bob.read("board")
    await store.remove_member(PROJECT, "bob")
    assert (await bob.read("events", 404))["error"]["code"] == "PROJECT_UNKNOWN"


async def test_a_stream_ends_whose_viewer_is_removed_while_it_begins(desk: Desk) -> None:
    """It ends in order, before it tells anything."""
    agent, store = await desk.agent(), await desk.site.store()
    await agent.create([NewItem("One")])
    await store.set_member(PROJECT, Member("ann", "admin"))
    assert [event async for event in follow(desk.site, Viewer("bob", principal="bob"), PROJECT, None)] == []


async def test_who_is_removed_hears_nothing_more(desk: Desk) -> None:
    """The stream of somebody who is no member any longer ends with the next change; so does one without a token."""
    agent = await desk.agent()
    await agent.create([NewItem("One")])
    store = await desk.site.store()
    for name in ("bob", "ann", "eve"):
        await store.set_member(PROJECT, Member(name, "admin"))
    ann, eve = [await desk.page(Viewer(name, principal=name, project=PROJECT_ID)) for name in ("ann", "eve")]
    async with streaming(desk, ann) as removed, streaming(desk, eve) as withdrawn:
        await removed.next()
        await withdrawn.next()
        await store.remove_member(PROJECT, "ann")
        desk.site.has_token = lambda name: name != "eve"
        await agent.create([NewItem("Two")])
        await until(lambda: "data: {" in removed.text and len(desk.site.watches) == 0)
        assert (removed.waiting, withdrawn.waiting) == (0, 0)


async def test_streams_end_with_the_store_and_after_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ends is asked for again by the browser, which is then told why it cannot have it."""
    async with open_desk(tmp_path) as desk:
        page = await desk.page()
        async with streaming(desk, page) as stream:
            await stream.next()
            await desk.site.services.projects.aclose()
            await until(lambda: len(desk.site.watches) == 0)
    monkeypatch.setattr(live, "MAX_STREAM_SECONDS", 0.0)
    async with open_desk(tmp_path) as desk, streaming(desk, await desk.page(ANN)) as stream:
        await stream.next()
        await until(lambda: len(desk.site.watches) == 0)


async def test_who_may_not_look_gets_no_stream(desk: Desk) -> None:
    """Nor does a number that is none of an event."""
    async with streaming(desk, desk.browser()) as stream:
        await until(lambda: stream.status != 0)
        assert stream.status == 401
    page = await desk.page()
    answer = await page.client.get(
        f"/board/api/projects/{PROJECT_ID}/events", headers={"Last-Event-ID": "1e9", "Origin": ORIGIN}
    )
    assert answer.status_code == 400


async def test_equal_questions_are_answered_once(desk: Desk, page: Page) -> None:
    """While an answer is computed others wait for it; it is kept for a second, and not after a change."""
    now, computed = 0.0, 0
    gate = asyncio.Event()

    async def compute() -> bytes:
        nonlocal computed
        computed += 1
        await gate.wait()
        return b"%d" % computed

    recent = Recent(lambda: now)
    waiting = [asyncio.create_task(recent.get("same", compute)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    assert [await one for one in waiting[1:]] == [b"1"] * 19
    now = 0.9
    assert await recent.get("same", compute) == b"1"
    now = 1.0
    assert await recent.get("same", compute) == b"2"
    for number in range(MAX_ANSWERS):
        await recent.get(number, compute)
    assert await recent.get("same", compute) == b"%d" % computed

    async def fail() -> bytes:
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        await recent.get("failing", fail)
    assert await recent.get("failing", compute) == b"%d" % computed
    agent = await desk.agent()
    assert (await page.states())["ready"] == []
    await agent.create([NewItem("One")])
    assert (await page.states())["ready"] == [1]


async def test_who_asks_meanwhile_is_told_what_is_so_afterwards() -> None:
    """Those who ask while a look is under way share one that begins later; none is told what was before."""
    together, gates, begun = Together[int](), [asyncio.Event() for _ in range(3)], 0

    async def look() -> int:
        nonlocal begun
        begun += 1
        number = begun
        await gates[number - 1].wait()
        if number == 3:
            raise ValueError("third")
        return number

    first = [asyncio.create_task(together.get("same", look)) for _ in range(5)]
    await until(lambda: begun == 1)
    second = [asyncio.create_task(together.get("same", look)) for _ in range(5)]
    await asyncio.sleep(0)
    second[0].cancel()
    gates[0].set()
    assert [await one for one in first] == [1] * 5
    await until(lambda: begun == 2)
    third = asyncio.create_task(together.get("same", look))
    for gate in gates:
        gate.set()
    assert [await one for one in second[1:]] == [2] * 4
    with pytest.raises(ValueError, match="third"):
        await third
    assert await together.get("same", look_of_another) == 7


async def look_of_another() -> int:
    """What is found after all others have looked."""
    return 7
