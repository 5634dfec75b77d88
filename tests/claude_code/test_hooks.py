"""The plugin's hooks in the real Claude Code: what the model is told, when, and that it is told nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import make_project
from tests.clients.claude_code import (
    NEEDS_CLAUDE_CODE,
    NEW_ERA,
    PLUGIN,
    PLUGIN_PREFIX,
    ClaudeCodeWithPlugin,
    Era,
    PromptedModel,
    Turn,
)
from tests.clients.launcher import INSTALLED

pytestmark = NEEDS_CLAUDE_CODE

PLAN: Turn = [("create_work_items", {"items": [{"title": "First"}, {"title": "Second"}]})]
CLAIM: Turn = [("claim_work_item", {})]
SUBAGENT: Turn = [
    ("Agent", {"description": "sub", "prompt": "sub", "subagent_type": "general-purpose", "run_in_background": False})
]
SESSION = "11111111-2222-4333-8444-555555555555"


def talk(
    claude: ClaudeCodeWithPlugin, cwd: Path, scripts: Mapping[str, Sequence[Turn]], *prompts: str, era: Era = "auto"
) -> list[str]:
    """What the model was asked in one process, request by request, as text."""
    with PromptedModel(scripts, prefix=PLUGIN_PREFIX) as model:
        claude.talk(model.url, cwd, era, *prompts)
    return [texts(body["messages"]) for body in model.asked]


def texts(value: Any) -> str:
    """All the text in a request's messages."""
    if isinstance(value, dict):
        return texts(value.get("text", value.get("content", "")))
    return "\n".join(texts(one) for one in value) if isinstance(value, list) else str(value)


def ours(request: str) -> list[str]:
    """The first lines of what our hooks say in a request."""
    return re.findall(r"workflow-mcp: .*", request)


@pytest.mark.parametrize("era", NEW_ERA)
def test_a_conversation_from_its_start_over_clear(plugged: ClaudeCodeWithPlugin, tmp_path: Path, era: Era) -> None:
    """It starts with its work; a subagent is told its parent's; after `/clear` the claim of before is still there."""
    plugged.programs = INSTALLED
    folder = make_project(tmp_path, "demo")
    scripts = {"go": [PLAN, CLAIM, SUBAGENT]}
    asked = talk(plugged, folder, scripts, "go", "/clear", "more", era=era)
    assert ours(asked[0]) == ["workflow-mcp: project demo, no work items yet."]
    [sub] = [request for request in asked if "this subagent" in request]
    assert re.fullmatch(
        r"workflow-mcp: project demo\. Calls of this subagent are made as claude-\w{6}/general-purpose-\w{4}\.",
        ours(sub)[0],
    )
    assert 'Held by the main agent:\n#1 task p2 "First" (until ' in sub
    assert ours(asked[-1]) == ["workflow-mcp: project demo, 1 ready, 1 in progress, 0 blocked, 0 done of 2."]
    assert re.search(r"Held by this session as claude-\w{6}:\n#1 task p2 \"First\"", asked[-1])


def test_a_compaction(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """The summary is told what is held, and the conversation after it all that a start is told."""
    folder = make_project(tmp_path, "demo")
    asked = talk(plugged, folder, {"go": [PLAN, CLAIM]}, "go", "more", "/compact", "last")
    [summary, *_] = [request for request in asked if "Do NOT call any tools" in request]
    assert re.search(
        r"workflow-mcp: project demo\. Held by this session as claude-\w{6}:\n#1 task p2 \"First\"", summary
    )
    assert "workflow-mcp: project demo, 1 ready, 1 in progress, 0 blocked, 0 done of 2.\nHeld by" in asked[-1]


def test_a_conversation_that_is_resumed(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """In a new process, before its server is there: what it holds, under the same name."""
    folder = make_project(tmp_path, "demo")
    with PromptedModel({"go": [PLAN, CLAIM]}, prefix=PLUGIN_PREFIX) as model:
        first = plugged.finish(plugged.start(model.url, folder, "auto", "--session-id", SESSION))
        plugged.finish(plugged.start(model.url, folder, "auto", "--resume", SESSION, prompt="more"))
    holder = first.calls[1].data["item"]["assignee"]
    assert f'Held by this session as {holder}:\n#1 task p2 "First"' in texts(model.asked[-1]["messages"])


def test_nothing_is_said_where_there_is_no_project(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """Not one word of ours, nor that a hook has succeeded, from the start over prompts to a compaction."""
    empty = tmp_path / "empty"
    empty.mkdir()
    asked = talk(plugged, empty, {"go": [SUBAGENT]}, "go", "more", "/clear", "again", "/compact", "last")
    assert len(asked) > 5
    for request in asked:
        assert ours(request) == []
        assert "hook success" not in request
        assert "hook additional context" not in request


def test_the_options(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """Set in Claude Code they reach the server: a reminder is shown at stops, changes come with a prompt."""
    folder = make_project(tmp_path, "demo")
    options = {"remind_at_stop": True, "tell_changes": True}
    settings = plugged.home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"pluginConfigs": {"workflow@inline": {"options": options}}}))
    third: Turn = [("create_work_items", {"items": [{"title": "Third"}]})]
    with PromptedModel({"go": [PLAN, CLAIM], "more": [third]}, prefix=PLUGIN_PREFIX) as model:
        done = plugged.talk(model.url, folder, "auto", "go", "more", "last")
    last = texts(model.asked[-1]["messages"])
    assert 'workflow-mcp: changed in project demo since the last prompt:\nnow ready: #3 task p2 "Third"' in last
    assert any(note.startswith("Stop says: workflow-mcp: this session still holds #1 task") for note in done.notes)
    assert done.code == 0


def test_a_hook_that_is_missing_fails_nothing(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """A program that is not there, and a tool that an older server does not have: calls and conversations go on."""
    folder, plugin = make_project(tmp_path, "demo"), shutil.copytree(PLUGIN, tmp_path / "plugin")
    hooks = (plugin / "hooks" / "hooks.json").read_text()
    (plugin / "hooks" / "hooks.json").write_text(
        hooks.replace('"workflow-mcp hook"', '"no-such-program"').replace('"describe_work"', '"no_such_tool"')
    )
    plugged.plugin = plugin
    asked = talk(plugged, folder, {"go": [[("get_working_directory", {})], SUBAGENT]}, "go", "/clear", "more")
    assert any('"directory_source":"call"' in request for request in asked)
    assert [request for request in asked if ours(request)] == []
