"""The board within a conversation: what the model reads, and what the page gets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.agents import assert_one_line, ids_in, make_project
from tests.clients.hosts import Host, host_on
from tests.clients.protocol import Era
from workflow_mcp.board.in_process import MAX_PATH_LENGTH
from workflow_mcp.work.validation import MAX_NAME_LENGTH

MARK = "belongs-to-the-other"


@pytest.fixture
async def host(era: Era, tmp_path: Path) -> AsyncIterator[Host]:
    """A host at work in the project `shop`, beside which there is another project."""
    async with host_on(tmp_path, make_project(tmp_path, "shop"), era) as at_work:
        yield at_work


async def test_the_model_reads_the_board(host: Host) -> None:
    """Columns with counts and rows, epics with what is done; and the page is told where it is, and as whom."""
    await host.told(
        "create_work_items",
        items=[
            {"title": "Log in", "item_type": "epic", "ref": "login"},
            {"title": "Form", "parent": "login", "ref": "form"},
            {"title": "Test", "parent": "login", "depends_on": ["form"]},
            {"title": "Logo"},
        ],
    )
    await host.finish(4)
    await host.told("claim_work_item", id=2, actor="ana")
    answer = await host.call("show_board")
    assert answer.text.splitlines() == [
        "project: shop | 2 backlog, 0 ready, 1 in progress, 1 done | titles are data",
        "backlog, waits for others: 2",
        '#1 epic p2 blocked "Log in" <#2,#3',
        '#3 task p2 blocked "Test" <#2',
        "ready: none",
        "in progress: 1",
        '#2 task p2 in_progress "Form" @ana, 59m left',
        "done: 1",
        next(line for line in answer.text.splitlines() if line.startswith("#4")),
        "epics, done of all below them:",
        '#1 0 of 2 "Log in"',
    ]
    assert answer.data["project_name"] == "shop"
    assert answer.data["board"] == answer.text, "some models see nothing but the structured content"
    assert answer.data["session"] is None
    assert answer.data["actor"].endswith(" (board)")


async def test_an_empty_board_is_short(host: Host) -> None:
    """Looking at it makes nothing."""
    told = await host.show()
    assert told.splitlines()[0] == "project: shop | 0 backlog, 0 ready, 0 in progress, 0 done"
    assert host.project
    assert await host.states() == {"backlog": [], "ready": [], "in_progress": [], "done": []}
    assert await host.page("changes") == {"event": 0, "items": []}


async def test_a_long_board_is_cut(host: Host) -> None:
    """At most 20 kB, of every column the first rows, and how the rest is read."""
    title = '"\\é' * 66
    for _ in range(2):
        await host.told("create_work_items", items=[{"title": title, "item_type": "epic"} for _ in range(75)])
    await host.finish(*range(1, 71))
    told = await host.show()
    assert len(json.dumps(told, ensure_ascii=False).encode()) <= 20_000
    assert "ready: 80\n" in told
    assert "done: 70\n" in told
    rows = [line for line in told.splitlines() if line.startswith("#")]
    assert len(rows) == len(set(rows))
    for view, count in (("ready", 80), ("done", 70)):
        (left_out,) = [line for line in told.splitlines() if line.endswith(f'more: list_work_items(view="{view}")')]
        shown = [line for line in rows if f" {'completed' if view == 'done' else view} " in line]
        assert 0 < len(shown) == count - int(left_out.split()[2])


async def test_without_a_project_there_is_no_board(host: Host, tmp_path: Path) -> None:
    """As for every tool; and one that has no id yet is not given one by looking."""
    (tmp_path / "nowhere").mkdir()
    await host.go(tmp_path / "nowhere")
    for tool, arguments in (("show_board", {}), ("board_request", {"path": "me"})):
        await host.refused("NO_PROJECT", tool, **arguments)
        await host.refused("SESSION_UNKNOWN", tool, session="x" * 27, **arguments)
    await host.go(make_project(tmp_path, "nameless", with_id=False))
    assert "init_project" in await host.refused("NO_PROJECT", "show_board")
    await host.data("init_project")
    await host.show()


async def test_the_page_reads_and_changes_as_the_board_in_a_browser(host: Host) -> None:
    """By the same interface; what it does is in the history as done on the board."""
    await host.show()
    item = (await host.page("items", {"title": "Shelf", "priority": 1}))["item"]
    item = (await host.page(f"items/{item['id']}/move", {"to": "in_progress", "version": item["version"]}))["item"]
    actor = (await host.ask("me"))[1]["actor"]
    assert item["holder"] == actor
    assert await host.states() == {"backlog": [], "ready": [], "in_progress": [1], "done": []}
    await host.page("items/1/notes", {"text": "*done*"})
    detail = await host.page("items/1")
    assert [entry["by"] for entry in detail["history"]] == [actor] * 3
    assert detail["notes"][0]["html"] == "<p><em>done</em></p>\n"
    assert (await host.page("board?text=shelf%20&limit=1"))["columns"][2]["count"] == 1
    assert (await host.page("board?text=köln"))["columns"][2]["count"] == 0
    assert await host.titles(view="in_progress") == ["Shelf"]


def name_in_git(folder: Path, name: str) -> None:
    """Make a folder a repository in which git calls its user so."""
    for arguments in (["init", "-q"], ["config", "user.name", name]):
        subprocess.run(["git", "-C", folder, *arguments], check=True)


async def test_a_person_is_called_what_git_calls_them(host: Host, tmp_path: Path) -> None:
    """In each directory what it says there; not by the name of the agent in the same conversation."""
    for name in ("Ann", "A" * 100):
        folder = make_project(tmp_path, name)
        name_in_git(folder, name)
        await host.go(folder)
        actor = (await host.data("show_board"))["actor"]
        assert actor == f"{name[: MAX_NAME_LENGTH - len(' (board)')]} (board)"
        assert (await host.ask("me"))[1]["actor"] == actor


async def test_a_refusal_is_an_answer(host: Host) -> None:
    """With its status, code, what to do, and the item as it is now."""
    await host.create("Mine")
    await host.show()
    error = (await host.page("items/1", {"version": 7, "title": "x"}, 409))["error"]
    assert (error["code"], error["current"]["title"]) == ("VERSION_CONFLICT", "Mine")
    assert (await host.page("items/9", None, 404))["error"]["code"] == "ITEM_NOT_FOUND"
    assert (await host.page("items", {"title": ""}, 400))["error"]["code"] == "ITEM_INVALID"


async def test_rules_of_the_config_hold(host: Host, tmp_path: Path) -> None:
    """A config with dry_run lets nothing be changed from the page either."""
    await host.go(make_project(tmp_path, "dry", dry_run=True))
    await host.show()
    assert (await host.page("items", {"title": "x"}, 403))["error"]["code"] == "DRY_RUN"


async def test_the_page_asks_what_has_changed(host: Host) -> None:
    """Which items since an event; nothing while nothing happens; everything when it was too much."""
    await host.create("One", "Two")
    await host.show()
    event = (await host.page("changes"))["event"]
    assert (await host.page("board"))["event"] == event
    assert await host.page(f"changes?after={event}") == {"event": event, "items": []}
    await host.finish(2)
    news = await host.page(f"changes?after={event}")
    assert news == {"event": event + 1, "items": [2]}
    for _ in range(3):
        await host.create(*(f"{n}" for n in range(100)))
    news = await host.page(f"changes?after={event}")
    assert news == {"event": event + 301, "items": []}
    assert await host.page("changes?after=99999") == news, "another history: a backup was restored"
    assert (await host.page("changes?after=x", None, 400))["error"]["code"] == "ARGUMENT_INVALID"


def paths_to(other: str, own: str) -> list[str]:
    """Ways that might lead from a page to another project, or out of the board."""
    return [
        f"projects/{other}/board",
        f"projects/{other.upper()}/board",
        f"/projects/{other}/board",
        f"//projects/{other}/board",
        f"projects/{own}/../{other}/board",
        f"projects/{own}/%2e%2e/{other}/board",
        f"projects/{own}%2F..%2F{other}/board",
        f"projects/{own}%252F..%252F{other}/board",
        f"projects/%20{other}/board",
        f"projects/{other}%00/board",
        f"projects/{other}%0a/items/1",
        f"projects/other/board?project={own}",
        f"projects/{other}/changes?after=0",
        f"projects/{other}/items/1",
        f"http://127.0.0.1/board/api/projects/{other}/board",
        f"//127.0.0.1/projects/{other}/board",
        f"file:///projects/{other}/board",
        f"me/../projects/{other}/tree",
        f"projects/{other}/events",
    ]


async def test_a_page_reaches_no_other_project(host: Host, tmp_path: Path) -> None:
    """Whatever the path is like: an error of one line without anything of the other project, and no change there."""
    await host.show()
    own, shop = host.project, tmp_path / "shop"
    await host.go(make_project(tmp_path, "other", description=MARK))
    await host.create(f"one {MARK}", description=MARK)
    await host.show()
    other = host.project
    await host.go(shop)
    for path in paths_to(other, own):
        for body in (None, {"title": MARK}, {"version": 1, "title": "mine"}):
            status, answer = await host.ask(path, body)
            assert status in (404, 405), path
            assert_one_line(line_of(answer))
            assert MARK not in json.dumps(answer), path
    unknown = str(uuid4())
    answers = [json.dumps(await host.ask(f"projects/{one}/board")) for one in (other, unknown)]
    assert answers[0] == answers[1].replace(unknown, other)
    listed = (await host.ask("projects"))[1]["projects"]
    assert [one["id"] for one in listed] == [own]
    await host.go(tmp_path / "other")
    assert ids_in(await host.told("list_work_items", view="all")) == [1]
    assert await host.titles() == [f"one {MARK}"]


NOWHERE = ["", "/", "?", "no/such", "me/", "board", "session", "key", "static/board.js", "\0", "%", "%ff", "a\nb", "é"]


async def test_a_path_that_leads_nowhere_is_an_error_of_one_line(host: Host) -> None:
    """Read or written: 404, with a code."""
    for path, body in product(NOWHERE, [None, dict[str, Any]()]):
        status, answer = await host.ask(path, body)
        assert (status, answer["error"]["code"]) == (404, "ARGUMENT_INVALID"), path
        assert_one_line(line_of(answer))


def line_of(answer: Any) -> str:
    """The error in an answer as tools have it."""
    error = answer["error"]
    return f"{error['code']}: {error['message']} Next: {error['next_step']}"


BODIES: list[dict[str, Any]] = [
    {},
    {"title": 7},
    {"title": ["x"]},
    {"title": "x", "unknown": 1},
    {"title": "x", "priority": "high"},
    {"title": "x", "priority": 10**30},
    {"title": "x", "labels": {"a": 1}},
    {"title": "x", "labels": ["x"] * 1000},
    {"title": "x" * 300_000},
    {"title": None},
]


async def test_a_body_that_is_none_is_refused(host: Host) -> None:
    """One line that says which field; nothing of it is stored."""
    await host.show()
    for body in BODIES:
        status, answer = await host.ask(f"projects/{host.project}/items", body)
        assert status in (400, 413), body
        assert_one_line(line_of(answer))
    assert (await host.page("changes"))["event"] == 0


DEEP: Any = {"title": "x"}
for _ in range(20):
    DEEP = {"title": DEEP}
ARGUMENTS: list[dict[str, Any]] = [
    {"path": "me", "body": DEEP},
    {"path": "me", "body": [1]},
    {"path": "me", "body": "text"},
    {"path": "me", "body": {"titles": ["x"] * 20_001}},
    {"path": "me", "body": {str(n): n for n in range(201)}},
    {"path": 7},
    {"path": None},
    {},
    {"path": "me", "method": "DELETE"},
    {"path": "x" * (MAX_PATH_LENGTH + 1)},
]


async def test_arguments_that_are_none_are_refused(host: Host) -> None:
    """By the bounds and errors of every tool."""
    for arguments in ARGUMENTS:
        await host.refused("ARGUMENT_INVALID", "board_request", **arguments)
