"""With the plugin, each call of the real Claude Code is for the agent that makes it and the directory that it is in."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest

from tests.clients.agents import make_project
from tests.clients.claude_code import (
    BINARY,
    NEEDS_CLAUDE_CODE,
    NEW_ERA,
    OLD_ERA,
    PLUGIN,
    PLUGIN_PREFIX,
    Called,
    ClaudeCodeWithPlugin,
    Era,
    Outcome,
    PromptedModel,
    Turn,
)
from tests.clients.launcher import INSTALLED
from tests.clients.served import serving
from tests.workspace.test_worktrees import git, needs_git

pytestmark = NEEDS_CLAUDE_CODE

WHERE: Turn = [("get_working_directory", {})]


def bash(command: str) -> Turn:
    """A turn in which the agent runs a command."""
    return [("Bash", {"command": command})]


def agents(*words: str, **arguments: Any) -> Turn:
    """A turn that starts subagents, one for each script, and waits for them."""
    given = {"subagent_type": "general-purpose", "run_in_background": False} | arguments
    return [("Agent", {"description": word, "prompt": word, **given}) for word in words]


def told(
    claude: ClaudeCodeWithPlugin, cwd: Path, scripts: Mapping[str, Sequence[Turn]], era: Era, *arguments: str
) -> Outcome:
    """One conversation whose prompt is `go`."""
    with PromptedModel(scripts, prefix=PLUGIN_PREFIX) as model:
        return claude.finish(claude.start(model.url, cwd, era, *arguments))


def places(calls: Sequence[Called]) -> list[tuple[str, str, str | None]]:
    """Where calls were made from, how that was known, and the project."""
    found = [call.data for call in calls if call.tool == "get_working_directory"]
    return [(one["directory"], one["directory_source"], one["project"] and one["project"]["name"]) for one in found]


@needs_git
@pytest.mark.parametrize("spoken", NEW_ERA)
def test_it_follows_cd_and_worktrees(plugged: ClaudeCodeWithPlugin, tmp_path: Path, spoken: Era) -> None:
    """Into a nested project by `cd`, into a worktree and back: every answer names the directory the agent is in."""
    outer = make_project(tmp_path, "outer")
    inner = make_project(outer, "inner")
    git(outer, "init", "-q")
    git(outer, "add", "-A")
    git(outer, "commit", "-q", "-m", "first")
    turns = [
        WHERE, bash("cd inner"), WHERE, bash(f"cd {outer}"), [("EnterWorktree", {"name": "w"})], WHERE,
        [("ExitWorktree", {"action": "keep"})], WHERE,
    ]  # fmt: skip
    done = told(plugged, outer, {"go": turns}, spoken)
    worktree = outer / ".claude" / "worktrees" / "w"
    assert places(done.calls) == [
        (str(outer), "call", "outer"),
        (str(inner), "call", "inner"),
        (str(worktree), "call", "outer"),
        (str(outer), "call", "outer"),
    ], done


PLAN = {"items": [{"title": f"item {number}"} for number in range(4)]}


def data_of(calls: Sequence[Called], tool: str) -> list[dict[str, Any]]:
    """What calls of a tool gave, in the order in which they were made; none failed."""
    own = [call for call in calls if call.tool == tool]
    assert not any(call.is_error for call in own), own
    return [call.data for call in own]


@needs_git
@pytest.mark.parametrize("spoken", OLD_ERA)
def test_two_subagents_at_once(plugged: ClaudeCodeWithPlugin, tmp_path: Path, spoken: Era) -> None:
    """A plain one and one in a worktree of its own: each is where it is, and claims under its own name."""
    shop = make_project(tmp_path, "shop")
    git(shop, "init", "-q")
    git(shop, "add", "-A")
    git(shop, "commit", "-q", "-m", "first")
    work: list[Turn] = [WHERE, [("claim_work_item", {})], WHERE]
    plain, isolated = agents("plain"), agents("isolated", isolation="worktree")
    turns: list[Turn] = [[("create_work_items", PLAN)], [*plain, *isolated], [("claim_work_item", {})], WHERE]
    scripts = {"go": turns, "plain": work, "isolated": work}
    done = told(plugged, shop, scripts, spoken)
    by_agent = {agent: [call for call in done.calls if call.agent == agent] for agent in {c.agent for c in done.calls}}
    assert len(by_agent) == 3, done
    where = {agent: {place[0] for place in places(calls)} for agent, calls in by_agent.items()}
    assert where.pop("") == {str(shop)}
    at_shop, in_worktree = sorted(where.values(), key=lambda found: str(shop) not in found)
    assert at_shop == {str(shop)}
    [worktree] = in_worktree
    assert worktree.startswith(str(shop / ".claude" / "worktrees"))
    assert {place[1:] for place in places(done.calls)} == {("call", "shop")}
    items = [item["item"] for item in data_of(done.calls, "claim_work_item")]
    assert len({item["id"] for item in items}) == 3
    names = sorted(item["assignee"] for item in items)
    assert re.fullmatch(r"claude-[0-9a-f]{6}", names[0])
    assert all(re.fullmatch(names[0] + r"/general-purpose-[0-9a-f]{4}", name) for name in names[1:])
    assert names[1] != names[2]


@pytest.mark.parametrize("spoken", NEW_ERA)
def test_clear(plugged: ClaudeCodeWithPlugin, tmp_path: Path, spoken: Era) -> None:
    """The conversation after `/clear` is told what the last one holds, and goes on with it."""
    shop = make_project(tmp_path, "shop")
    scripts: dict[str, list[Turn]] = {
        "first": [[("create_work_items", PLAN)], [("claim_work_item", {})]],
        "second": [[("claim_work_item", {})], [("claim_work_item", {"id": 1})], WHERE],
    }
    with PromptedModel(scripts, prefix=PLUGIN_PREFIX) as model:
        done = plugged.talk(model.url, shop, spoken, "first", "/clear", "second")
    before, told_first, taken = data_of(done.calls, "claim_work_item")
    assert (before["item"]["id"], told_first["item"]["id"], taken["item"]["id"]) == (1, 2, 1)
    assert "Still held by the conversation before this one: #1. " in told_first["message"]
    assert before["item"]["assignee"] != taken["item"]["assignee"] == told_first["item"]["assignee"]
    assert places(done.calls) == [(str(shop), "call", "shop")]


def test_the_same_conversation_later(plugged: ClaudeCodeWithPlugin, tmp_path: Path) -> None:
    """Resumed or continued it has its name and what it set; forked it has a name of its own and nothing set."""
    shop, other = make_project(tmp_path, "shop"), make_project(tmp_path, "other")
    name = str(uuid4())
    claiming: Turn = [("claim_work_item", {})]
    setting: Turn = [("set_working_directory", {"directory": str(other)})]
    first = told(plugged, shop, {"go": [[("create_work_items", PLAN)], claiming]}, "auto", "--session-id", name)
    resumed = told(plugged, shop, {"go": [claiming, setting]}, "legacy", "--resume", name)
    continued = told(
        plugged,
        shop,
        {"go": [WHERE, [*setting, ("set_working_directory", {"directory": str(shop)})], WHERE, claiming]},
        "auto",
        "--continue",
    )
    forked = told(plugged, shop, {"go": [WHERE, claiming]}, "auto", "--resume", name, "--fork-session")
    claims = [data_of(done.calls, "claim_work_item")[0]["item"] for done in (first, resumed, continued, forked)]
    assert [item["id"] for item in claims] == [1, 2, 3, 4]
    own, again, still, copy = (item["assignee"] for item in claims)
    assert own == again == still != copy
    assert places(continued.calls) == [(str(other), "session", "other"), (str(shop), "call", "shop")]
    assert places(forked.calls) == [(str(shop), "call", "shop")]


@pytest.mark.parametrize("spoken", OLD_ERA)
def test_a_server_that_is_killed_between_the_hook_and_the_call(
    plugged: ClaudeCodeWithPlugin, tmp_path: Path, spoken: Era
) -> None:
    """The call comes to the next server, and is in the directory that the hook told the last one."""
    plugged.programs = INSTALLED
    outer = make_project(tmp_path, "outer")
    inner = make_project(outer, "inner")
    killer, bindings = tmp_path / "killer.py", plugged.home / "data" / "calls" / "bindings"
    killer.write_text(KILLER)
    # A second hook of the same call, which Claude Code waits for as it does for a person who is asked.
    command = {"type": "command", "command": f"{sys.executable} {killer} {bindings}"}
    matched = {"matcher": f"{PLUGIN_PREFIX}get_working_directory", "hooks": [command]}
    settings = json.dumps({"hooks": {"PreToolUse": [matched]}})
    turns: list[Turn] = [[("health_check", {})], bash(f"cd {inner}"), WHERE, [("health_check", {})]]
    done = told(plugged, outer, {"go": turns}, spoken, "--settings", settings)
    before, after = data_of(done.calls, "health_check")
    assert before["pid"] != after["pid"], "the server was not killed"
    assert places(done.calls) == [(str(inner), "call", "inner")], done
    assert not list(bindings.iterdir()), "it was used up"


SLOW_SERVER = """
import time
from fastmcp import FastMCP

slow = FastMCP("slow")


@slow.tool
def wait() -> None:
    time.sleep(60)


slow.run(show_banner=False)
"""


FAILING = {"tool": "no_such_tool"}
MALFORMED = {"input": {"session": "a/b"}}
SLOW = {"server": "plugin:workflow:slow", "tool": "wait", "timeout": 1}


@pytest.mark.parametrize(
    ("changes", "era"),
    [
        ([FAILING, MALFORMED, SLOW], "auto"),
        ([], "legacy"),
        *(pytest.param([one], "legacy", marks=pytest.mark.soak) for one in (FAILING, MALFORMED, SLOW)),
    ],
    ids=["all", "missing", "failing", "malformed", "slow"],
)
def test_a_hook_that_does_not_work(
    plugged: ClaudeCodeWithPlugin, tmp_path: Path, changes: list[dict[str, Any]], era: Era
) -> None:
    """It fails no call, which is then resolved as it is without the plugin."""
    shop = make_project(tmp_path, "shop")
    plugged.plugin = shutil.copytree(PLUGIN, tmp_path / "plugin")
    (tmp_path / "slow.py").write_text(SLOW_SERVER)
    servers = json.loads((plugged.plugin / ".mcp.json").read_text())
    servers["mcpServers"]["slow"] = {"command": sys.executable, "args": [str(tmp_path / "slow.py")]}
    (plugged.plugin / ".mcp.json").write_text(json.dumps(servers))
    path = plugged.plugin / "hooks" / "hooks.json"
    hooks = json.loads(path.read_text())
    [bind] = hooks["hooks"]["PreToolUse"]
    bind["hooks"] = [bind["hooks"][0] | change for change in changes]
    path.write_text(json.dumps(hooks))
    done = told(plugged, shop, {"go": [WHERE]}, era)
    assert places(done.calls) == [(str(shop), "roots", "shop")], done


def test_four_windows_on_one_server(tmp_path: Path, forking_program: Path) -> None:
    """Over HTTP, without any header: each answer is for the agent that asks, in the directory that it is in."""
    outers = [make_project(tmp_path, name) for name in ("one", "two")]
    inners = [make_project(outer, f"inner-{outer.name}") for outer in outers]
    scripts = {
        outer.name: [WHERE, bash(f"cd {inner}"), WHERE, agents("sub"), bash(f"cd {outer}"), WHERE]
        for outer, inner in zip(outers, inners, strict=True)
    } | {"sub": [WHERE]}
    with (
        serving(tmp_path / "server", WORKFLOW_MCP_HOOK_TOOL="1") as served,
        PromptedModel(scripts, prefix=PLUGIN_PREFIX) as model,
    ):
        plugin = over_http(tmp_path / "plugin", served.url)
        started = []
        for era in get_args(Era):
            for outer in outers:
                home = tmp_path / f"home-{era}-{outer.name}"
                home.mkdir()
                claude = ClaudeCodeWithPlugin(BINARY, home, forking_program, plugin)
                started.append((outer, claude.start(model.url, outer, era, prompt=outer.name)))
        for outer, process in started:
            done = ClaudeCodeWithPlugin.finish(process)
            inner = outer / f"inner-{outer.name}"
            expected = [(str(folder), "call", folder.name) for folder in (outer, inner, inner, outer)]
            assert places(done.calls) == expected, done


def over_http(folder: Path, url: str) -> Path:
    """The plugin, but for the server that it starts: it goes to one that runs."""
    shutil.copytree(PLUGIN, folder)
    server = {"type": "http", "url": url}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"workflow": server}}))
    return folder


KILLER = """
import os, pathlib, signal, sys, time

bindings = pathlib.Path(sys.argv[1])
deadline = time.monotonic() + 90
while not any(bindings.glob("*[0-9a-f]")):
    assert time.monotonic() < deadline, "nothing was bound"
    time.sleep(0.01)
parent = os.environ["CLAUDE_PID"]
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        line, status = (process / "cmdline").read_bytes(), (process / "status").read_text()
    except OSError:
        continue
    if b"workflow-mcp" in line and f"PPid:\\t{parent}\\n" in status:
        os.kill(int(process.name), signal.SIGKILL)
time.sleep(0.5)
"""
