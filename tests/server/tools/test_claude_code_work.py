"""Work items through the real Claude Code, offline; the binary is named by CLAUDE_BIN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import ids_in, make_project
from tests.clients.claude_code import NEEDS_CLAUDE_CODE, NEW_ERA, OLD_ERA, Called, ClaudeCode, Era, ScriptedModel
from tests.clients.stdio import Wire, environment

PLAN: list[dict[str, Any]] = [
    {"title": "Log in", "item_type": "epic", "ref": "epic"},
    {"title": "Build the form", "parent": "epic", "ref": "form"},
    {"title": "Build the API", "parent": "epic", "ref": "api"},
    {"title": "Test it", "parent": "epic", "depends_on": ["form", "api"]},
]

pytestmark = NEEDS_CLAUDE_CODE


def texts(calls: list[Called]) -> list[str]:
    """What the model reads of calls that all succeed."""
    assert [call.is_error for call in calls] == [False] * len(calls), calls
    return [call.content for call in calls]


def texts_in(value: Any) -> Iterator[str]:
    """Every text within a request to the model."""
    if isinstance(value, str):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(member)


@pytest.mark.parametrize("era", NEW_ERA)
def test_plan_claim_finish(claude: ClaudeCode, tmp_path: Path, era: Era) -> None:
    """A plan in one call, claimed and finished; the model reads rows, the claimed item and what became ready."""
    folder = make_project(tmp_path, "codebase-mcp")
    done = claude.run(
        folder,
        [("create_work_items", {"items": PLAN, "request_id": "plan"})],
        [("claim_work_item", {})],
        [("update_work_items", {"updates": [{"id": 2, "status": "completed", "note": "done"}]})],
        [("claim_work_item", {"wait_seconds": 50})],
        [("claim_work_item", {"wait_seconds": 1})],
        [("update_work_items", {"updates": [{"id": 3, "status": "completed"}]})],
        [("list_work_items", {}), ("get_work_item", {"id": 4})],
        [("get_work_item", {"id": 99})],
        era=era,
    )
    created, claimed, updated, again, waited, finished, listed, detail = texts(done.calls[:-1])
    assert "Nothing is ready for this: 0 ready, 1 in progress, 2 blocked" in waited
    assert "Waited 1 s; the same call waits on." in waited
    assert created.splitlines()[0] == "project: codebase-mcp | created 4"
    assert ids_in(created) == [1, 2, 3, 4]
    assert (done.calls[1].data["item"]["id"], done.calls[3].data["item"]["id"]) == (2, 3), (claimed, again)
    assert done.calls[1].data["item"]["assignee"].startswith("s-")
    assert "now ready:" not in updated
    assert 'now ready:\n#4 task p2 ready "Test it"' in finished
    assert ids_in(listed) == [4]
    assert done.calls[7].data["ancestors"] == ['#1 epic p2 blocked "Log in" <#4'], detail
    assert done.calls[8].is_error
    assert "ITEM_NOT_FOUND: " in done.calls[8].content
    assert done.code == 0


def test_two_at_once(claude: ClaudeCode, tmp_path: Path) -> None:
    """Two Claude Codes in one project take different items, each knows its own, and nobody else finishes them."""
    folder = make_project(tmp_path, "codebase-mcp")
    turns = [*[[("claim_work_item", dict[str, Any]())]] * 4, [("list_work_items", {"view": "mine"})]]
    with Wire(folder, environment(claude.home)) as other, ScriptedModel(turns) as one, ScriptedModel(turns) as two:
        other.open()
        other.call("create_work_items", items=[{"title": f"item {number}"} for number in range(12)])
        started = [claude.start(model.url, folder, "auto") for model in (one, two)]
        results = [claude.finish(process) for process in started]
        claims = [[call.data["item"] for call in result.calls[:4]] for result in results]
        taken = [{item["id"] for item in own} for own in claims]
        refused = other.call("update_work_items", updates=[{"id": min(taken[0]), "status": "completed"}])
    holders = [{item["assignee"] for item in own} for own in claims]
    assert len(taken[0] | taken[1]) == 8, "none was given out twice"
    assert [len(names) for names in holders] == [1, 1]
    assert holders[0] != holders[1]
    assert [set(ids_in(result.calls[4].content)) for result in results] == taken
    assert "ITEM_CLAIMED: " in refused.text


@pytest.mark.parametrize("era", OLD_ERA)
def test_a_prompt_gets_the_whole_goal(claude: ClaudeCode, tmp_path: Path, era: Era) -> None:
    """What is typed after the prompt's name, several words, is what the model is told to plan."""
    folder = make_project(tmp_path, "codebase-mcp")
    with ScriptedModel([]) as model:
        command = "/mcp__workflow__plan_work build a shop for tulips"
        done = claude.finish(claude.start(model.url, folder, era, prompt=command))
    read = "\n".join(texts_in([body["messages"] for body in model.asked]))
    assert done.code == 0
    assert 'Plan this goal as work items of the project "codebase-mcp"' in read
    assert "<command-args>build a shop for tulips</command-args>" in read
    assert "the goal is all that is in it" in read
