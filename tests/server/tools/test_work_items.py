"""The work-item tools as a client sees them, in both eras."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clients.agents import PROJECT, Agent, Calls, agent_on, cursor_in, ids_in, make_project, pages, rows_in
from tests.clients.peers import MemoryPeer, StdioPeer, in_memory, isolated_settings
from tests.clients.protocol import ERAS, MODERN, Era
from tests.clients.stdio import Wire, environment
from tests.support import FakeClock
from workflow_mcp import build_server
from workflow_mcp.server.fitting import MAX_ANSWER_BYTES
from workflow_mcp.server.rows import list_text
from workflow_mcp.storage.sqlite.store import sqlite_store
from workflow_mcp.storage.store import Store
from workflow_mcp.work.lines import ROW_OVERHEAD
from workflow_mcp.work.values import Actor, Counts, Item, ItemPage, ItemQuery, ItemSummary, Project
from workflow_mcp.workspace.projects import ProjectData
from workflow_mcp.workspace.work_items import WorkItems

PLAN: list[dict[str, Any]] = [
    {"title": "Test it", "parent": "login", "depends_on": ["form", "api"], "item_type": "chore", "ref": "test"},
    {"title": "Log in", "item_type": "epic", "ref": "login", "description": "Users can log in.", "labels": ["auth"]},
    {"title": "Build the form", "parent": "login", "ref": "form", "priority": 3},
    {"title": "Build the API", "parent": "login", "ref": "api", "item_type": "feature", "priority": 1},
]
TEST, LOGIN, FORM, API = 1, 2, 3, 4


async def whole_story(agent: Agent) -> None:
    """Plan, claim, update, link, finish, delete and restore: every work-item tool once."""
    created = await agent.told("create_work_items", items=PLAN, request_id="plan", actor="lead")
    assert created.splitlines()[0] == f"project: {PROJECT} | created 4"
    assert ids_in(created) == [TEST, LOGIN, FORM, API]
    assert ids_in(await agent.told("list_work_items")) == [API, FORM]
    claimed = await agent.data("claim_work_item", actor="ana")
    assert (claimed["project"], claimed["item"]["id"], claimed["item"]["assignee"]) == (PROJECT, API, "ana")
    assert claimed["item"]["version"] == 2
    finished = await agent.told("update_work_items", updates=[{"id": API, "status": "completed", "note": "It works."}],
                                actor="ana")  # fmt: skip
    assert "now ready:" not in finished
    assert 'now ready:\n#1 chore p2 ready "Test it"' in await agent.finish(FORM)
    linked = await agent.told("link_work_items", id=TEST, other=API, kind="relates_to")
    assert linked == f"project: {PROJECT} | linked #1 relates_to #4"
    detail = await agent.data("get_work_item", id=API)
    assert detail["project"] == PROJECT
    assert detail["ancestors"] == ['#2 epic p2 blocked "Log in" <#1']
    assert detail["notes"][0].endswith("ana: It works.")
    assert 'blocks #1 chore p2 ready "Test it"' in detail["links"]
    assert 'relates to #1 chore p2 ready "Test it"' in detail["links"]
    gone = await agent.told("delete_work_items", ids=[LOGIN], confirm=True)
    assert gone.splitlines()[0] == f"project: {PROJECT} | deleted 1 and 3 below it"
    assert ids_in(await agent.told("list_work_items", view="all")) == []
    await agent.refused("ITEM_DELETED", "get_work_item", id=TEST)
    await agent.told("delete_work_items", ids=[LOGIN], restore=True)
    everything = await agent.told("list_work_items", view="all")
    assert everything.startswith(
        f"project: {PROJECT} | 1 ready, 0 in progress, 1 blocked, 2 done of 4 | 4 shown | titles are data\n"
    )
    assert ids_in(everything) == [TEST, LOGIN, FORM, API]


async def test_the_whole_story_in_memory(agent: Agent) -> None:
    """Every tool does its part of one plan, in both eras."""
    await whole_story(agent)


@pytest.mark.parametrize("era", ERAS)
async def test_the_whole_story_over_stdio(tmp_path: Path, era: Era) -> None:
    """The same through a real server process that was started in the project, which then ends cleanly."""
    folder = make_project(tmp_path, PROJECT)
    with Wire(folder, environment(tmp_path), era) as wire:
        wire.open()
        await whole_story(Agent(StdioPeer(wire)))
    assert wire.process.returncode == 0
    assert wire.log == ""


async def test_criteria_are_met_and_evidence_is_added(agent: Agent) -> None:
    """Criteria are set at creation and met by their numbers; evidence of several agents stands side by side."""
    await agent.create("one", acceptance=["users can log in", "it is tested"])
    claimed = await agent.data("claim_work_item", actor="ana")
    assert claimed["item"]["acceptance"] == ["1. [ ] users can log in", "2. [ ] it is tested"]
    update = {"id": 1, "met": [1], "evidence": ["commit 1a2b3c4"]}
    await agent.told("update_work_items", updates=[update], actor="ana")
    later = {"id": 1, "met": 2, "unmet": [1], "evidence": "https://ci.example/7", "expected_version": 3}
    await agent.told("update_work_items", updates=[later], actor="bob")
    detail = await agent.data("get_work_item", id=1)
    assert detail["item"]["acceptance"] == ["1. [ ] users can log in", "2. [x] it is tested"]
    assert detail["item"]["evidence"] == ["commit: 1a2b3c4", "url: https://ci.example/7"]
    assert "met: [1] -> [2]" in detail["events"][-1]
    refusal = await agent.refused("ITEM_INVALID", "update_work_items", updates=[{"id": 1, "met": [3]}], actor="ana")
    assert "#1 has no criterion 3: it has 2" in refusal


async def test_a_plan_as_a_json_string(agent: Agent) -> None:
    """Lists that arrive as JSON strings are taken for what they are; a string that is no JSON is refused."""
    assert ids_in(await agent.told("create_work_items", items=json.dumps(PLAN))) == [1, 2, 3, 4]
    updates = json.dumps([{"id": FORM, "priority": 0, "labels": ["ui", "auth"]}])
    assert rows_in(await agent.told("update_work_items", updates=updates))[0]["priority"] == "0"
    assert (await agent.item(FORM))["labels"] == ["auth", "ui"]
    assert ids_in(await agent.told("delete_work_items", ids="[3]")) == [FORM]
    await agent.refused("ARGUMENT_INVALID", "create_work_items", items="a form, then an API")


async def test_one_object_in_place_of_a_list(agent: Agent) -> None:
    """A single item, update or id is a list of one, as its JSON string is too."""
    assert ids_in(await agent.told("create_work_items", items={"title": "one"})) == [1]
    assert ids_in(await agent.told("create_work_items", items='{"title": "two"}')) == [2]
    assert ids_in(await agent.told("update_work_items", updates={"id": 1, "priority": 0})) == [1]
    assert ids_in(await agent.told("update_work_items", updates='{"id": 2, "priority": 1}')) == [2]
    for ids in (1, "2"):
        assert ids_in(await agent.told("delete_work_items", ids=ids)) == [int(ids)]


FLAT_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("update_work_items", {"id": 4, "status": "completed"}, 'updates=[{"id": 4, "status": "completed"}]'),
    ("update_work_items", {"updates": [{"id": 4}], "note": "done"}, 'updates=[{"note": "done"}]'),
    ("create_work_items", {"title": "Log in"}, 'items=[{"title": "Log in"}]'),
    ("create_work_items", {"title": "x" * 100, "priority": 1}, 'items=[{"title": …, "priority": 1}]'),
    ("delete_work_items", {"id": 4}, "ids=[4]"),
]


@pytest.mark.parametrize(("tool", "arguments", "nested"), FLAT_CALLS)
async def test_a_flat_call_is_told_how_to_nest(agent: Agent, tool: str, arguments: dict[str, Any], nested: str) -> None:
    """Fields that belong into the list are shown inside of it, with the values that were given."""
    refusal = await agent.refused("ARGUMENT_INVALID", tool, **arguments)
    assert refusal.endswith(f"Next: call {tool}({nested}).")


@pytest.mark.parametrize(
    ("tool", "argument", "good"),
    [
        ("create_work_items", "items", {"title": "a"}),
        ("update_work_items", "updates", {"id": 1, "priority": 1}),
        ("delete_work_items", "ids", 1),
    ],
)
async def test_too_long_a_list_is_refused_unread(agent: Agent, tool: str, argument: str, good: object) -> None:
    """Of more than 100 things in one call none is looked at, not even a bad one; as JSON text neither."""
    given = [*[good] * 100, {"no": "such"}]
    for value in (given, json.dumps(given)):
        told = await agent.refused("ITEM_INVALID", tool, **{argument: value})
        assert f"101 {argument} in one call; at most 100 are allowed" in told


async def test_an_empty_list_is_told_so(agent: Agent) -> None:
    """No items, updates or ids: that is said, and nobody is told to split them."""
    calls: Calls = [
        ("create_work_items", {"items": []}),
        ("update_work_items", {"updates": []}),
        ("delete_work_items", {"ids": "[]"}),
    ]
    for tool, arguments in calls:
        (argument,) = arguments
        refusal = await agent.refused("ITEM_INVALID", tool, **arguments)
        assert f"there are no {argument} in this call" in refusal
        assert "split" not in refusal


async def test_a_number_sign_before_an_id(agent: Agent) -> None:
    """`#5` is an id wherever an id is taken."""
    await agent.create("one", "two")
    await agent.create("child", parent="#1", depends_on=["#2"])
    assert (await agent.data("get_work_item", id="#3"))["ancestors"] == ['#1 task p2 blocked "one" <#3']
    assert ids_in(await agent.told("list_work_items", view="all", parent="#1")) == [3]
    assert (await agent.data("claim_work_item", id="#2"))["item"]["id"] == 2
    assert ids_in(await agent.told("update_work_items", updates=[{"id": "#3", "parent": "#1"}])) == [3]
    assert "linked #1" in await agent.told("link_work_items", id="#1", other="#2", kind="relates_to")
    for ids in ("#3", ["#2"], '["#1"]'):
        await agent.told("delete_work_items", ids=ids)
    for wrong in ("#", "##5", "#-1", "five", "#" + "9" * 5000):
        await agent.refused("ARGUMENT_INVALID", "get_work_item", id=wrong)


BAD_ITEMS: list[tuple[str, dict[str, Any]]] = [
    ("ITEM_INVALID", {"title": " "}),
    ("ITEM_INVALID", {"title": "x" * 201}),
    ("ITEM_INVALID", {"title": "x", "description": "x" * 20_001}),
    ("ITEM_INVALID", {"title": "x", "priority": 5}),
    ("ITEM_INVALID", {"title": "x", "labels": [str(number) for number in range(21)]}),
    ("ITEM_INVALID", {"title": "x", "parent": "nobody"}),
    ("ITEM_NOT_FOUND", {"title": "x", "depends_on": [99]}),
    ("ITEM_CYCLE", {"title": "x", "ref": "x", "depends_on": ["x"]}),
    ("ARGUMENT_INVALID", {"title": "x", "item_type": "story"}),
    ("ARGUMENT_INVALID", {"title": "x", "prioritiy": 1}),
    ("ARGUMENT_INVALID", {"description": "no title"}),
]


async def test_a_plan_is_all_or_nothing(agent: Agent) -> None:
    """One bad item among good ones: one line says what is wrong, and nothing is created, not even a number used."""
    for code, bad in BAD_ITEMS:
        await agent.refused(code, "create_work_items", items=[{"title": "good"}, bad, {"title": "better"}])
    assert "done of 0 | 0 shown" in await agent.told("list_work_items", view="all")
    assert await agent.create("first") == [1]


async def test_updates_are_all_or_nothing(agent: Agent) -> None:
    """One bad update among good ones changes nothing of any of them."""
    one, two = await agent.create("one", "two")
    for code, bad in [
        ("ITEM_NOT_FOUND", {"id": 99, "status": "completed"}),
        ("ITEM_INVALID", {"id": two, "title": ""}),
        ("VERSION_CONFLICT", {"id": two, "priority": 0, "expected_version": 7}),
        ("ITEM_CYCLE", {"id": two, "parent": two}),
    ]:
        await agent.refused(code, "update_work_items", updates=[{"id": one, "title": "changed", "note": "no"}, bad])
    detail = await agent.data("get_work_item", id=one)
    assert (detail["item"]["title"], detail["item"]["version"], detail["notes"]) == ("one", 1, [])


async def test_batches_have_bounds(agent: Agent) -> None:
    """1 to 100 items, updates or ids in a call."""
    for count in (0, 101):
        await agent.refused("ITEM_INVALID", "create_work_items", items=[{"title": "x"}] * count)
        await agent.refused("ITEM_INVALID", "update_work_items", updates=[{"id": n + 1} for n in range(count)])
        await agent.refused("ITEM_INVALID", "delete_work_items", ids=list(range(1, count + 1)))
    assert "done of 0 | 0 shown" in await agent.told("list_work_items", view="all")


async def test_a_hundred_at_once(agent: Agent) -> None:
    """A hundred items in one call, each named with its id."""
    assert await agent.create(*(f"item {number}" for number in range(100))) == list(range(1, 101))


async def test_a_misspelt_field(agent: Agent) -> None:
    """A field that there is not is named in one line, for items, updates and arguments alike."""
    (one,) = await agent.create("one")
    for field in ("titel", "Title", "due"):
        calls: Calls = [
            ("create_work_items", {"items": [{"title": "x", field: "y"}]}),
            ("update_work_items", {"updates": [{"id": one, field: "y"}]}),
            ("create_work_items", {"items": [{"title": "x"}], field: "y"}),
            ("list_work_items", {field: "y"}),
            ("claim_work_item", {field: "y"}),
        ]
        for tool, arguments in calls:
            assert field in await agent.refused("ARGUMENT_INVALID", tool, **arguments)


async def test_a_misspelt_field_explains_a_missing_one(agent: Agent) -> None:
    """Where a required field is missing because it was misspelt, the error names what was written."""
    assert "titel" in await agent.refused("ARGUMENT_INVALID", "create_work_items", items=[{"titel": "x"}])


async def test_a_repeated_request_creates_nothing_twice(agent: Agent) -> None:
    """The same `request_id` gives the items of the first time, as they are by now; other items under it are refused."""
    first = ids_in(await agent.told("create_work_items", items=PLAN, request_id="r-1"))
    await agent.finish(FORM)
    again = await agent.told("create_work_items", items=PLAN, request_id="r-1")
    assert ids_in(again) == first
    assert {row["id"]: row["state"] for row in rows_in(again)}[str(FORM)] == "completed"
    await agent.refused("ITEM_INVALID", "create_work_items", items=PLAN[1:2], request_id="r-1")
    assert "done of 4 |" in await agent.told("list_work_items")
    assert ids_in(await agent.told("create_work_items", items=PLAN[1:2], request_id="r-2")) == [5]


async def test_a_repeated_request_says_that_it_is_one(agent: Agent) -> None:
    """Its first line says that nothing was created anew."""
    await agent.told("create_work_items", items=PLAN, request_id="r-1")
    again = await agent.told("create_work_items", items=PLAN, request_id="r-1")
    assert again.splitlines()[0] == f"project: {PROJECT} | nothing new: request_id 'r-1' had created these 4 before"


async def test_what_was_so_already_is_not_called_updated(agent: Agent) -> None:
    """An update, deletion or restoration that changes nothing says so; of several, which ones it did not change."""
    await agent.create("one", "two")
    await agent.finish(1)
    assert (await agent.finish(1)).splitlines() == [
        f"project: {PROJECT} | nothing had to be changed",
        '#1 task p2 completed v2 unchanged "one"',
    ]
    assert (await agent.finish(1, 2)).splitlines() == [
        f"project: {PROJECT} | updated 1, 1 unchanged",
        '#1 task p2 completed v2 unchanged "one"',
        '#2 task p2 completed v2 "two"',
    ]
    nothing = f"project: {PROJECT} | nothing had to be changed"
    assert (await agent.told("delete_work_items", ids=[1], restore=True)).splitlines()[0] == nothing
    await agent.told("delete_work_items", ids=[1])
    assert (await agent.told("delete_work_items", ids=[1])).splitlines()[0] == nothing


async def test_a_released_item_is_told_once(agent: Agent) -> None:
    """It stands among the updated ones; only others are listed as ready by it."""
    await agent.create("one")
    await agent.create("after", depends_on=[1])
    await agent.data("claim_work_item", id=1)
    assert ids_in(await agent.told("update_work_items", updates=[{"id": 1, "status": "pending"}])) == [1]
    assert ids_in(await agent.finish(1)) == [1, 2]


async def test_how_many_were_deleted_with_what_was_named(agent: Agent) -> None:
    """What is below an item goes with it and comes back with it, and the answer counts it."""
    await agent.create("epic", "other")
    await agent.create("child", "second child", parent=1)
    await agent.create("grandchild", parent=3)
    calls: list[dict[str, Any]] = [
        {"ids": [1], "confirm": True},
        {"ids": [1], "restore": True},
        {"ids": [1, 2, 3, 4, 5]},
    ]
    answers = [(await agent.told("delete_work_items", **one)).splitlines() for one in calls]
    heads = [answer[0].split(" | ")[1] for answer in answers]
    assert [" deleted " in answer[1] for answer in answers] == [True, False, True]
    assert heads == ["deleted 1 and 3 below it", "restored 1 and 3 below it", "deleted 5"]


def test_a_request_repeated_by_another_process(tmp_path: Path) -> None:
    """Two server processes on one data directory that get one request, each, create one set of items."""
    folder = make_project(tmp_path, PROJECT)
    env = environment(tmp_path)
    with Wire(folder, env) as one, Wire(folder, env) as other:
        call = {"name": "create_work_items", "arguments": {"items": PLAN, "request_id": "same"}}
        for wire in (one, other):
            wire.send(wire.message("tools/call", call))
        texts = [wire.receive()["result"]["content"][0]["text"] for wire in (one, other)]
        assert [ids_in(text) for text in texts] == [[1, 2, 3, 4]] * 2, texts
        assert "done of 4 |" in other.call("list_work_items").text


async def test_a_claim_is_one_agents(agent: Agent) -> None:
    """A claimed item is nobody else's: not to claim, update or delete, until its holder has finished it."""
    one, two = await agent.create("one", "two")
    assert (await agent.data("claim_work_item", actor="ana"))["item"]["id"] == one
    assert (await agent.data("claim_work_item", actor="bob"))["item"]["id"] == two
    none_left = await agent.data("claim_work_item", actor="eve")
    assert none_left["item"] is None
    assert none_left["project"] == PROJECT
    assert "0 ready, 2 in progress" in none_left["message"]
    calls: Calls = [
        ("claim_work_item", {"id": one, "actor": "bob"}),
        ("update_work_items", {"updates": [{"id": one, "status": "completed"}], "actor": "bob"}),
        ("update_work_items", {"updates": [{"id": one, "note": "only a note"}], "actor": "bob"}),
        ("delete_work_items", {"ids": [one]}),
    ]
    for tool, arguments in calls:
        assert "'ana'" in await agent.refused("ITEM_CLAIMED", tool, **arguments)
    assert ids_in(await agent.finish(one, actor="ana")) == [one]


async def test_another_may_update_who_knows_the_version(agent: Agent) -> None:
    """The current `expected_version` lets another in; an old one does not, and brings the row as it is now."""
    (one,) = await agent.create("one")
    claimed = await agent.data("claim_work_item", actor="ana")
    current = claimed["item"]["version"]
    refusal = await agent.refused(
        "ITEM_CLAIMED", "update_work_items", updates=[{"id": one, "priority": 0}], actor="bob"
    )
    assert "version" not in refusal
    assert "Next: leave it to them; call claim_work_item() for another" in refusal
    update = {"id": one, "priority": 0, "expected_version": current}
    done = await agent.told("update_work_items", updates=[update], actor="bob")
    assert f"v{current + 1}" in done
    stale = {"id": one, "title": "mine", "expected_version": current}
    conflict = await agent.refused("VERSION_CONFLICT", "update_work_items", updates=[stale], actor="ana")
    assert f"at version {current + 1}, not {current}: task p0 in_progress 'one' @ana" in conflict
    assert f"expected_version={current + 1}" in conflict
    right = {**stale, "expected_version": current + 1}
    assert '"mine" @ana' in await agent.told("update_work_items", updates=[right], actor="ana")


async def test_a_second_claim_by_the_same_name_is_told_so(agent: Agent) -> None:
    """Two subagents that share a name: the second is told since when the name holds the item, and what to do."""
    await agent.create("one")
    first = await agent.data("claim_work_item", id=1)
    assert "already" not in first["message"]
    second = await agent.data("claim_work_item", id=1)
    since = f"{datetime.fromisoformat(first['item']['updated_at']):%Y-%m-%dT%H:%M:%SZ}"
    assert f"You already held it since {since}; if that was another agent, pass actor." in second["message"]
    await agent.refused("ITEM_CLAIMED", "claim_work_item", id=1, actor="ana")


async def test_who_puts_an_item_in_progress_claims_it(agent: Agent) -> None:
    """Nobody else can claim or change it then; what is blocked or another's cannot be put in progress."""
    await agent.create("one", "two")
    await agent.create("after", depends_on=[1])
    start = {"id": 1, "status": "in_progress"}
    told = await agent.told("update_work_items", updates=[start], actor="ana")
    assert '#1 task p2 in_progress v2 "one" @ana' in told
    assert (await agent.item(1))["claim_expires_at"] is not None
    await agent.refused("ITEM_CLAIMED", "update_work_items", updates=[start], actor="bob")
    await agent.refused("ITEM_NOT_READY", "update_work_items", updates=[{**start, "id": 3}], actor="bob")
    both = [{"id": 1, "status": "completed"}, {**start, "id": 3}]
    assert '#3 task p2 in_progress v2 "after" @ana' in await agent.told("update_work_items", updates=both, actor="ana")
    await agent.told("update_work_items", updates=[start], actor="bob")
    assert (await agent.item(1))["assignee"] == "bob"


async def test_a_lease_runs_out(era: Era, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its lease an item is ready again; once it is taken over its first holder is refused. Updates renew it."""
    clock = FakeClock()

    def clocked(data_dir: Path, **options: Any) -> Store:
        # By this clock alone: the machine's uptime would say that it was set.
        return sqlite_store(data_dir, **{**options, "clock": clock, "uptime": lambda: None})

    monkeypatch.setattr("workflow_mcp.storage.sqlite.store.sqlite_store", clocked)
    async with agent_on(tmp_path, make_project(tmp_path, PROJECT), era=era) as agent:
        (one,) = await agent.create("one")
        await agent.data("claim_work_item", actor="ana", lease_minutes=10)
        clock.advance(9 * 60)
        await agent.told("update_work_items", updates=[{"id": one, "note": "still here"}], actor="ana")
        clock.advance(9 * 60)
        assert (await agent.data("claim_work_item", actor="bob"))["item"] is None
        clock.advance(2 * 60)
        assert ids_in(await agent.told("list_work_items")) == [one]
        assert (await agent.data("claim_work_item", actor="bob"))["item"]["id"] == one
        await agent.refused(
            "ITEM_CLAIMED", "update_work_items", updates=[{"id": one, "status": "completed"}], actor="ana"
        )
        assert (await agent.item(one))["assignee"] == "bob"
        clock.advance(59 * 60)
        assert (await agent.data("claim_work_item", actor="eve"))["item"] is None, "the default is an hour"


async def test_leases_have_bounds(agent: Agent) -> None:
    """No lease of nothing and none for ever."""
    await agent.create("one")
    for minutes in (0, -1, 10**7, 10**30):
        await agent.refused("ARGUMENT_INVALID", "claim_work_item", lease_minutes=minutes)
    assert ids_in(await agent.told("list_work_items")) == [1]


async def test_without_a_name_the_session_is_the_actor(agent: Agent) -> None:
    """Who gives no name claims and updates under one name that is the session's; `view=mine` lists what it holds."""
    one, two, three = await agent.create("one", "two", "three")
    claimed = (await agent.data("claim_work_item"))["item"]
    assert claimed["assignee"] == claimed["created_by"]
    await agent.data("claim_work_item", actor="ana")
    assert ids_in(await agent.told("list_work_items", view="mine")) == [one]
    assert ids_in(await agent.told("list_work_items", view="mine", assignee="ana")) == [two]
    assert ids_in(await agent.told("list_work_items", view="mine", actor="ana")) == [two]
    assert ids_in(await agent.told("list_work_items", view="open", assignee="ana")) == [two]
    assert "completed" in await agent.finish(one)
    assert ids_in(await agent.told("list_work_items")) == [three]


async def test_what_somebody_holds(agent: Agent) -> None:
    """With an assignee and no view, all open work of theirs is listed: what they hold is not ready."""
    one, two, three = await agent.create("one", "two", "three")
    await agent.data("claim_work_item", id=one, actor="ana")
    await agent.told("update_work_items", updates=[{"id": two, "assignee": "ana"}, {"id": three, "assignee": "bob"}])
    assert ids_in(await agent.told("list_work_items", assignee="ana")) == [one, two]
    assert ids_in(await agent.told("list_work_items", assignee="ana", view="ready")) == [two]


async def test_finishing_says_what_became_ready(agent: Agent) -> None:
    """Blocked items and parents are named once nothing holds them up, and not before."""
    await agent.told("create_work_items", items=PLAN)
    assert "now ready:" not in await agent.finish(API)
    told = await agent.finish(FORM)
    assert told.partition("now ready:\n")[2] == '#1 chore p2 ready "Test it"'
    told = await agent.finish(TEST)
    assert told.partition("now ready:\n")[2] == '#2 epic p2 ready "Log in"'


async def test_cancelling_and_reopening(agent: Agent) -> None:
    """A cancelled blocker blocks no more; reopened it blocks again."""
    first, second = await agent.create("first"), await agent.create("second", depends_on=[1])
    told = await agent.told("update_work_items", updates=[{"id": first[0], "status": "cancelled"}])
    assert ids_in(told.partition("now ready:")[2]) == second
    await agent.told("update_work_items", updates=[{"id": first[0], "status": "pending"}])
    assert (await agent.item(second[0]))["state"] == "blocked"


async def test_deleting_needs_confirmation_where_there_are_children(agent: Agent) -> None:
    """What has items below it goes only with `confirm`, and all of it comes back with `restore`."""
    await agent.told("create_work_items", items=PLAN)
    refusal = await agent.refused("CHILDREN_NEED_CONFIRM", "delete_work_items", ids=[LOGIN])
    assert "3 items below" in refusal
    assert len(ids_in(await agent.told("list_work_items", view="all"))) == 4
    assert ids_in(await agent.told("delete_work_items", ids=[FORM])) == [FORM], "without children none is needed"
    await agent.told("delete_work_items", ids=[LOGIN], confirm=True)
    assert "done of 0 |" in await agent.told("list_work_items", view="all")
    await agent.refused("PARENT_DELETED", "delete_work_items", ids=[FORM], restore=True)
    await agent.told("delete_work_items", ids=[LOGIN], restore=True)
    assert ids_in(await agent.told("list_work_items", view="all")) == [TEST, LOGIN, API], "the form was deleted before"
    await agent.told("delete_work_items", ids=[FORM], restore=True)
    assert ids_in(await agent.told("list_work_items", view="all")) == [TEST, LOGIN, FORM, API]


async def test_deleting_a_blocker_frees_what_it_blocked(agent: Agent) -> None:
    """An item that waited for the deleted one only becomes ready, and is named."""
    await agent.create("first")
    await agent.create("second", depends_on=[1])
    told = await agent.told("delete_work_items", ids=[1])
    assert ids_in(told.partition("now ready:")[2]) == [2]


LINKS = [
    ("blocks", "blocks", "blocked by"),
    ("relates_to", "relates to", "relates to"),
    ("duplicates", "duplicates", "duplicated by"),
    ("discovered_from", "discovered from", "led to"),
]


async def test_links_both_ways(agent: Agent) -> None:
    """A link is seen from both ends, made once however often it is asked for, and gone when removed."""
    await agent.create("one", "two")
    for kind, forwards, backwards in LINKS:
        assert "linked #1" in await agent.told("link_work_items", id=1, other=2, kind=kind)
        assert "nothing had to be changed" in await agent.told("link_work_items", id=1, other=2, kind=kind)
        seen = [(await agent.data("get_work_item", id=one))["links"] for one in (1, 2)]
        state, why = ("blocked", " <#1") if kind == "blocks" else ("ready", "")
        assert seen == [[f'{forwards} #2 task p2 {state} "two"{why}'], [f'{backwards} #1 task p2 ready "one"']]
        told = await agent.told("link_work_items", id=1, other=2, kind=kind, remove=True)
        assert ("now ready:\n#2" in told) is (kind == "blocks")
        assert (await agent.data("get_work_item", id=2))["links"] == []


async def test_links_that_cannot_be(agent: Agent) -> None:
    """No item blocks itself, what it waits for, or one that there is not."""
    await agent.create("one", "two")
    await agent.told("link_work_items", id=1, other=2, kind="blocks")
    await agent.refused("ITEM_CYCLE", "link_work_items", id=2, other=1, kind="blocks")
    await agent.refused("ITEM_INVALID", "link_work_items", id=1, other=1, kind="blocks")
    await agent.refused("ITEM_NOT_FOUND", "link_work_items", id=1, other=3, kind="blocks")
    await agent.refused("ARGUMENT_INVALID", "link_work_items", id=1, other=2, kind="hates")


async def test_get_says_why_not_ready(agent: Agent) -> None:
    """Blockers, unfinished children, a holder and the end of it are each a reason; a ready item has none."""
    await agent.told("create_work_items", items=PLAN)

    async def why(item_id: int) -> str:
        return "; ".join((await agent.data("get_work_item", id=item_id))["not_ready"])

    assert await why(API) == ""
    assert await why(TEST) == "it waits for #3, #4"
    assert await why(LOGIN) == "below it, #1, #3, #4 are unfinished"
    await agent.data("claim_work_item", id=API, actor="ana")
    assert (await why(API)).startswith("ana works on it until ")
    await agent.finish(API, actor="ana")
    assert await why(API) == "it is completed"
    assert "it waits for #3" in await agent.refused("ITEM_NOT_READY", "claim_work_item", id=TEST)


async def test_moving(agent: Agent) -> None:
    """An update moves an item below another, or with null to the top; what is left out stays."""
    await agent.create("one", "two")
    await agent.told("update_work_items", updates=[{"id": 2, "parent": 1, "assignee": "ana"}])
    await agent.told("update_work_items", updates=[{"id": 2, "title": "second"}])
    item = await agent.item(2)
    assert (item["parent"], item["assignee"], item["title"]) == (1, "ana", "second")
    assert (await agent.data("get_work_item", id=1))["children"] == ['#2 task p2 ready "second" @ana']
    await agent.refused("ITEM_CYCLE", "update_work_items", updates=[{"id": 1, "parent": 2}])
    await agent.told("update_work_items", updates=[{"id": 2, "parent": None, "assignee": None}])
    item = await agent.item(2)
    assert (item["parent"], item["assignee"]) == (None, None)


async def test_views(agent: Agent) -> None:
    """Each view has its items, and the first line counts the whole project whatever is shown."""
    await agent.told("create_work_items", items=PLAN)
    await agent.data("claim_work_item", id=API)
    await agent.finish(FORM)
    found = {view: await agent.told("list_work_items", view=view) for view in
             ("ready", "open", "mine", "blocked", "done", "all")}  # fmt: skip
    assert {view: ids_in(text) for view, text in found.items()} == {
        "ready": [],
        "open": [API, TEST, LOGIN],
        "mine": [API],
        "blocked": [TEST, LOGIN],
        "done": [FORM],
        "all": [TEST, LOGIN, FORM, API],
    }
    for text in found.values():
        shown = len(ids_in(text))
        heading = f"project: {PROJECT} | 0 ready, 1 in progress, 2 blocked, 1 done of 4 | {shown} shown"
        assert text.splitlines()[0] == (f"{heading} | titles are data" if shown else heading)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"parent": LOGIN}, [TEST, FORM, API]),
    ({"item_type": "epic"}, [LOGIN]),
    ({"label": "auth"}, [LOGIN, 5]),
    ({"label": "später"}, [5]),
    ({"text": "GRÖSSE"}, [5]),
    ({"text": "log in"}, [LOGIN, 5]),
    ({"text": "build form"}, [FORM]),
    ({"text": "100%"}, [5]),
    ({"text": "_"}, []),
    ({"label": "auth", "text": "page"}, [5]),
    ({"parent": 5}, []),
]


async def test_filters(agent: Agent) -> None:
    """Parent, type, label and text narrow a view, together too; text is found in descriptions and in any case."""
    await agent.told("create_work_items", items=PLAN)
    await agent.create("Größe prüfen", labels=["auth", "später"], description="The LOGIN page's 100% width")
    for query, expected in FILTERS:
        assert ids_in(await agent.told("list_work_items", view="all", **query)) == expected, query


async def test_ready_is_in_order(agent: Agent) -> None:
    """The most urgent first, then the oldest."""
    for title, priority in [("a", 2), ("b", 4), ("c", 0), ("d", 2), ("e", 0)]:
        await agent.create(title, priority=priority)
    assert await agent.titles() == ["c", "e", "a", "d", "b"]
    assert [(await agent.data("claim_work_item"))["item"]["title"] for _ in range(5)] == ["c", "e", "a", "d", "b"]


async def test_pages(agent: Agent) -> None:
    """Pages through the cursor have every item once; a cursor of another list is refused."""
    for start in (0, 23):
        await agent.create(*(f"item {number}" for number in range(start, start + 23)))
    await agent.finish(*range(1, 24))
    for view, expected in [("ready", range(24, 47)), ("open", range(24, 47)), ("done", range(1, 24))]:
        texts: list[str] = []
        found = await pages(agent, texts.append, view=view, limit=5)
        assert sorted(found) == list(expected)
        assert [len(ids_in(text)) for text in texts] == [5, 5, 5, 5, 3]
        cursor = cursor_in(await agent.told("list_work_items", view=view, limit=5))
        await agent.refused("CURSOR_INVALID", "list_work_items", view="blocked", cursor=cursor)
        await agent.refused("CURSOR_INVALID", "list_work_items", view=view, text="item", cursor=cursor)
    assert await pages(agent, lambda _text: None, view="all", limit=20) == list(range(1, 47))
    await agent.refused("CURSOR_INVALID", "list_work_items", cursor="made up")


async def test_limits(agent: Agent) -> None:
    """50 items unless told otherwise, at most 200."""
    for _ in range(3):
        await agent.create(*("x" for _ in range(70)))
    assert len(ids_in(await agent.told("list_work_items"))) == 50
    assert len(ids_in(await agent.told("list_work_items", limit=200))) == 200


async def test_a_wrong_limit(agent: Agent) -> None:
    """Whatever is wrong with a limit, it is the same error for items and projects, which says what is allowed."""
    for tool in ("list_work_items", "list_projects"):
        for limit in (0, 201, -1, 10**30, "many", 1.5, [50], None):
            refusal = await agent.refused("LIMIT_INVALID", tool, limit=limit)
            assert "is not a whole number from 1 to 200" in refusal


LONG_NAMES = ["ana", "agent-0123456789abcdef", "Ünïcödé-" * 12, "名前" * 50]


async def test_rows_are_short(agent: Agent) -> None:
    """A row takes at most 40 bytes beyond its title and why, however long its assignee's name."""
    title = "Fix the log-in: größer als 名前"
    await agent.create(*[title] * len(LONG_NAMES), item_type="research")
    for number, assignee in enumerate(LONG_NAMES, start=1):
        await agent.data("claim_work_item", actor=assignee)
        (row,) = (await agent.told("list_work_items", view="open", assignee=assignee)).splitlines()[1:]
        assert row.startswith(f'#{number} research p2 in_progress "{title}" @{assignee[:1]}')
        assert len(re.sub(r", 5\dm left$", "", row).encode()) - len(title.encode()) <= ROW_OVERHEAD
        assert (await agent.item(number))["assignee"] == assignee


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)


@given(
    st.integers(1, 2**31 - 1),
    st.sampled_from(["epic", "feature", "task", "bug", "research", "chore"]),
    st.sampled_from(["ready", "blocked", "in_progress", "completed", "cancelled"]),
    NAMES,
    NAMES,
)
@settings(max_examples=300, deadline=None)
def test_any_row_is_short(item_id: int, item_type: str, state: str, title: str, assignee: str) -> None:
    """Of any number, type, state, title and assignee: at most 40 bytes beyond the title, on one line, and whole."""
    from workflow_mcp.work.lines import row
    from workflow_mcp.work.text import quoted

    line = row(_item(id=item_id, item_type=item_type, state=state, title=title, assignee=assignee))
    assert len(line.encode()) - len(quoted(title)[1:-1].encode()) <= ROW_OVERHEAD
    assert line.startswith(f"#{item_id} {item_type} p2 {state} {quoted(title)}")


def _item(**values: Any) -> Any:
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    fields: dict[str, Any] = {
        "description": "", "status": "pending", "priority": 2, "labels": (), "parent": None, "version": 1, "waits": 0,
        "claim_expires_at": None, "created_at": now, "updated_at": now, "completed_at": None, "created_by": "x",
    }  # fmt: skip
    return Item(**fields | values)


@pytest.mark.parametrize("letter", ["x", "🚀"])
async def test_200_long_titles(tmp_path: Path, letter: str) -> None:
    """A list is never more than 20 kB, of the longest titles and under the longest name; its cursor loses none."""
    async with agent_on(tmp_path, make_project(tmp_path, letter * 255, folder="p")) as agent:
        for start in (0, 100):
            titles = [f"{number:03} ".ljust(200, letter) for number in range(start, start + 100)]
            created = await agent.told("create_work_items", items=[{"title": title} for title in titles])
            assert len(created.encode()) <= MAX_ANSWER_BYTES
        texts: list[str] = []
        found = await pages(agent, texts.append, limit=200)
        sizes = [len(text.encode()) for text in texts]
        assert found == list(range(1, 201))
        assert max(sizes) <= MAX_ANSWER_BYTES
        assert len(sizes) <= -(-200 * 840 // (MAX_ANSWER_BYTES - 3000)) + 1, "pages are filled"


class Growing:
    """A store whose titles become longer from one look to the next."""

    def __init__(self) -> None:
        self.looks = 0

    async def list_items(self, _project: Project, query: ItemQuery) -> ItemPage[ItemSummary]:
        """A full page."""
        self.looks += 1
        title = "x" * min(50 * self.looks, 200)
        items = tuple(ItemSummary(number, title, "task", "ready", 2, None) for number in range(query.limit))
        return ItemPage(items, Counts(ready=1000), "more")


async def test_a_list_stays_short_though_titles_grow_meanwhile() -> None:
    """What is read anew because it did not fit is looked at anew."""
    store = Growing()
    data = ProjectData(cast("Store", store), Project(str(uuid4()), "p"))
    text = await list_text(WorkItems(data, Actor("ana", "/")), ItemQuery("all", limit=400))
    assert len(text.encode()) <= MAX_ANSWER_BYTES
    assert store.looks > 2
    assert f"| {len(text.splitlines()) - 1} shown" in text


@pytest.mark.parametrize("letter", ["x", "🚀"])
async def test_changes_of_100_long_titles(tmp_path: Path, letter: str) -> None:
    """What a change says of a hundred items, and of all that became ready by it, is never more than 20 kB."""
    async with agent_on(tmp_path, make_project(tmp_path, letter * 255, folder="p")) as agent:
        await agent.told("create_work_items", items=[{"title": letter * 200} for _ in range(100)])
        waiting = [{"title": letter * 200, "depends_on": [number]} for number in range(1, 101)]
        await agent.told("create_work_items", items=waiting)
        finished = await agent.finish(*range(1, 101))
        assert len(finished.encode()) <= MAX_ANSWER_BYTES
        assert finished.splitlines()[0].endswith("updated 100 | titles are data")
        assert "now ready:" in finished, "what became ready is told however much was changed"
        deleted = await agent.told("delete_work_items", ids=list(range(1, 101)))
        assert len(deleted.encode()) <= MAX_ANSWER_BYTES


async def test_another_projects_ids_are_not_there(era: Era, tmp_path: Path) -> None:
    """An id that only another project has gets the very answer that an unknown one gets, from every tool."""
    full, empty = make_project(tmp_path, "full"), make_project(tmp_path, "empty")
    async with agent_on(tmp_path, full, era=era) as agent:
        await agent.create(*(f"secret {number}" for number in range(7)))
        await agent.go(empty)
        calls: Calls = [
            ("get_work_item", {"id": 7}),
            ("claim_work_item", {"id": 7}),
            ("update_work_items", {"updates": [{"id": 7, "note": "x"}]}),
            ("delete_work_items", {"ids": [7]}),
            ("delete_work_items", {"ids": [7], "restore": True}),
            ("link_work_items", {"id": 7, "other": 6, "kind": "blocks"}),
            ("create_work_items", {"items": [{"title": "x", "parent": 7}]}),
        ]
        for tool, arguments in calls:
            foreign = await agent.refused("ITEM_NOT_FOUND", tool, **arguments)
            unknown = json.loads(json.dumps(arguments).replace("7", "8").replace("6", "9"))
            told = await agent.refused("ITEM_NOT_FOUND", tool, **unknown)
            assert told == foreign.replace("7", "8").replace("6", "9")
            assert "secret" not in foreign


async def test_numbers_that_no_item_can_have(agent: Agent) -> None:
    """Zero, negative and huge numbers are not found like any other, and break nothing."""
    for number in (0, -1, 2**31, 2**63, 10**30):
        await agent.refused("ITEM_NOT_FOUND", "get_work_item", id=number)
        await agent.refused("ITEM_NOT_FOUND", "claim_work_item", id=number)
        await agent.refused("ITEM_NOT_FOUND", "create_work_items", items=[{"title": "x", "parent": number}])


async def test_what_became_of_it(agent: Agent) -> None:
    """Every change is told: who, from which directory, and what; a long text only in part."""
    await agent.create("one", description="x" * 5000)
    await agent.told("update_work_items", updates=[{"id": 1, "priority": 0}], actor="ana")
    events = (await agent.data("get_work_item", id=1))["events"]
    directory = (await agent.data("get_working_directory"))["directory"]
    assert len(events) == 2
    assert events[0].endswith(
        f' created ({directory}) title: one, item_type: task, priority: 2, description: "{"x" * 59}…"'
    )
    assert events[1].endswith(f" ana updated ({directory}) priority: 2 -> 0")
    assert all(len(event) < 400 for event in events)


async def test_notes_and_claims_among_the_events(agent: Agent) -> None:
    """A note is told by its text, a new value where there was none by itself, one that is gone by what it was."""
    await agent.create("one")
    await agent.data("claim_work_item", id=1, actor="ana")
    await agent.told("update_work_items", updates=[{"id": 1, "status": "pending", "note": "not now"}], actor="ana")
    events = (await agent.data("get_work_item", id=1))["events"]
    claimed = r"status: pending -> in_progress, assignee: ana, claim_expires_at: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
    assert re.search(claimed, events[1])
    assert "assignee: ana -> nothing" in events[2]
    assert events[2].endswith('note: "not now"')
    assert not any("None" in event or "lease_seconds" in event for event in events)


async def test_resources(agent: Agent) -> None:
    """An item and what is ready can be read as resources, the same as through the tools; an unknown one is refused."""
    await agent.told("create_work_items", items=PLAN)
    item = json.loads(await agent.peer.read(f"workflow://work-items/{API}"))
    assert item == await agent.data("get_work_item", id=API)
    assert await agent.peer.read("workflow://ready") == await agent.told("list_work_items", limit=200)
    with pytest.raises(Exception, match=r"ITEM_NOT_FOUND: .*#99"):
        await agent.peer.read("workflow://work-items/99")


async def test_the_resources_are_announced(era: Era, tmp_path: Path) -> None:
    """Both are listed, the item as a template, and no resource or prompt is named twice."""
    async with in_memory(build_server(isolated_settings(tmp_path)), era) as peer:
        client = _client(peer)
        assert "workflow://ready" in [str(one.uri) for one in await client.list_resources()]
        assert [one.uri_template for one in await client.list_resource_templates()] == ["workflow://work-items/{id}"]
        (prompt,) = await client.list_prompts()
        assert (prompt.name, [argument.name for argument in prompt.arguments]) == ("plan_work", ["goal"])


async def test_the_prompt_plans(agent: Agent) -> None:
    """`plan_work` names the goal, the project, the directory and the call that creates a plan."""
    result = await _client(agent.peer).get_prompt("plan_work", {"goal": "log users in"})
    (message,) = result.messages
    directory = (await agent.data("get_working_directory"))["directory"]
    for part in ("log users in", PROJECT, directory, "create_work_items", "ref", "request_id"):
        assert part in message.content.text


async def test_the_prompt_of_one_word(agent: Agent) -> None:
    """A goal of one word may be the first of what was typed to Claude Code: where the rest is, is said then alone."""
    texts = [
        (await _client(agent.peer).get_prompt("plan_work", {"goal": goal})).messages[0].content.text
        for goal in ("log", "log users in")
    ]
    assert ["<command-args>" in text for text in texts] == [True, False]


async def test_the_prompt_without_a_project(era: Era, tmp_path: Path) -> None:
    """Without a project it says what to do first."""
    async with in_memory(build_server(isolated_settings(tmp_path)), era) as peer:
        result = await _client(peer).get_prompt("plan_work", {"goal": "log users in"})
        assert "init_project" in result.messages[0].content.text


def _client(peer: Any) -> Any:
    assert isinstance(peer, MemoryPeer)
    return peer._client


@pytest.fixture
async def nowhere(era: Era, tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent that has said nothing yet."""
    async with in_memory(build_server(isolated_settings(tmp_path)), era) as peer:
        yield Agent(peer)


async def test_without_a_directory(nowhere: Agent, tmp_path: Path) -> None:
    """Work-item tools refuse a caller whose directory or project is not known, and make nothing."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_work_items", {"items": [{"title": "x"}]}),
        ("list_work_items", {}),
        ("get_work_item", {"id": 1}),
        ("claim_work_item", {}),
        ("update_work_items", {"updates": [{"id": 1}]}),
        ("link_work_items", {"id": 1, "other": 2, "kind": "blocks"}),
        ("delete_work_items", {"ids": [1]}),
    ]
    for tool, arguments in calls:
        await nowhere.refused("NO_DIRECTORY", tool, **arguments)
    (tmp_path / "plain").mkdir()
    await nowhere.go(tmp_path / "plain")
    for tool, arguments in calls:
        told = await nowhere.refused("NO_PROJECT", tool, **arguments)
        assert str(tmp_path / "plain") in told
        assert "init_project" in told
    assert not (tmp_path / "data" / "projects").exists()


async def test_two_subagents_of_one_process(tmp_path: Path) -> None:
    """Two sessions of one client take different items, and neither finishes what the other holds."""
    folder = make_project(tmp_path, PROJECT)
    async with in_memory(build_server(isolated_settings(tmp_path)), MODERN) as peer:
        agents = []
        for _ in range(2):
            made = await Agent(peer).data("set_working_directory", directory=str(folder), new_session=True)
            agents.append(Agent(peer, made["session"]))
        one, other = agents
        await one.create("a", "b")
        mine, theirs = [(await agent.data("claim_work_item"))["item"] for agent in agents]
        assert mine["id"] != theirs["id"]
        assert mine["assignee"] != theirs["assignee"]
        updates = [{"id": theirs["id"], "status": "completed"}]
        await one.refused("ITEM_CLAIMED", "update_work_items", updates=updates)
        await other.told("update_work_items", updates=updates)


async def test_older_events_are_named_and_can_be_read(agent: Agent) -> None:
    """Each answer names the call that shows what came before, until the first."""
    await agent.create("one")
    for number in range(30):
        await agent.told("update_work_items", updates=[{"id": 1, "title": f"title {number}"}])
    events = (await agent.data("get_work_item", id=1))["events"]
    shown: list[str] = []
    while left_out := re.fullmatch(
        r"… events 1 to (\d+) are left out: get_work_item\(id=1, before_event=(\d+)\)", events[0]
    ):
        shown = events[1:] + shown
        events = (await agent.data("get_work_item", id=1, before_event=int(left_out[2])))["events"]
        assert f"title {int(left_out[1]) - 2}" in events[-1]
    assert len(events + shown) == 31
    assert " created " in events[0]


async def test_deleting_and_linking_say_who(agent: Agent) -> None:
    """An actor who holds an item may delete it and bring it back; another may not, nor link it."""
    for title in ("one", "two"):
        await agent.create(title)
    await agent.data("claim_work_item", id=1, actor="ana")
    await agent.refused("ITEM_CLAIMED", "delete_work_items", ids=[1], actor="bob")
    await agent.refused("ITEM_CLAIMED", "link_work_items", id=2, other=1, kind="blocks", actor="bob")
    await agent.told("link_work_items", id=1, other=2, kind="duplicates", actor="ana")
    assert " ana linked " in (await agent.data("get_work_item", id=2))["events"][-1]
    await agent.told("delete_work_items", ids=[1], actor="ana")
    assert '#1 task p2 deleted "one"' in await agent.told("list_work_items", view="deleted")
    await agent.refused("ITEM_CLAIMED", "delete_work_items", ids=[1], restore=True, actor="bob")
    await agent.told("delete_work_items", ids=[1], restore=True, actor="ana")


async def test_a_claim_is_retried_and_labels_are_changed_one_by_one(agent: Agent) -> None:
    """By the arguments that the tools have for it."""
    await agent.create("one", labels=["old"])
    await agent.create("two")
    claims = [await agent.data("claim_work_item", actor="ana", request_id="r") for _ in range(2)]
    assert [claim["item"]["id"] for claim in claims] == [1, 1]
    assert claims[1]["message"].startswith("Yours as ana: #1 ")
    update = {"id": 1, "add_labels": ["new"], "remove_labels": ["old"]}
    await agent.told("update_work_items", updates=[update], actor="ana")
    assert (await agent.data("get_work_item", id=1))["item"]["labels"] == ["new"]
    await agent.told("update_work_items", updates=[{"id": 2, "assignee": "bob"}])
    assert "assigned to somebody else" in (await agent.data("claim_work_item", actor="ana"))["message"]


async def test_rows_tell_why(agent: Agent) -> None:
    """What a blocked item waits for, at most three of it, its parent's blockers included; how long a claim runs."""
    await agent.create("design", "build", "test", "review", "ship")
    await agent.create("release", depends_on=[1, 2, 3, 4])
    await agent.create("announce", parent=6)
    await agent.create("after", depends_on=[5])
    for actor, minutes in (("ana", 150), ("bob", 610), ("eve", 20_100)):
        await agent.data("claim_work_item", actor=actor, lease_minutes=minutes)
    assert (await agent.told("list_work_items", view="open")).splitlines()[1:] == [
        '#1 task p2 in_progress "design" @ana, 2h left',
        '#2 task p2 in_progress "build" @bob, 10h left',
        '#3 task p2 in_progress "test" @eve, 13d left',
        '#4 task p2 ready "review"',
        '#5 task p2 ready "ship"',
        '#6 task p2 blocked "release" <#1,#2,#3…',
        '#7 task p2 blocked "announce" <#1,#2,#3…',
        '#8 task p2 blocked "after" <#5',
    ]


async def test_a_large_plan_is_answered_with_ids(agent: Agent) -> None:
    """Of more than ten created items the answer gives `ref -> #id`, what is ready, and no title, again as well."""
    plan = [
        {"title": f"title {number}", "ref": f"step {number}", "depends_on": [f"step {number - 1}"]}
        for number in range(11)
    ]
    plan[0] |= {"ref": "first", "depends_on": []}
    plan[1]["depends_on"] = ["first"]
    told = (await agent.told("create_work_items", items=plan, request_id="r")).splitlines()
    assert told[0] == f"project: {PROJECT} | created 11 | #1 to #11 in the order given"
    assert told[1:4] == ["ready: #1", "first -> #1", '"step 1" -> #2']
    assert len(told) == 13
    again = (await agent.told("create_work_items", items=plan, request_id="r")).splitlines()
    assert again[0].startswith(f"project: {PROJECT} | nothing new: request_id 'r' had created these 11 before | #1 to")
    assert again[1:] == told[1:]
