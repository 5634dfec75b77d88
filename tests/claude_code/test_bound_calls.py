"""With the plugin, each call of the real Claude Code is for the agent that makes it and the directory that it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.clients.agents import make_project
from tests.clients.claude_code import (
    BINARY,
    NEEDS_CLAUDE_CODE,
    PLUGIN_PREFIX,
    Called,
    ClaudeCodeWithPlugin,
    Outcome,
    PromptedModel,
    Turn,
)
from tests.workspace.test_worktrees import git, needs_git

pytestmark = NEEDS_CLAUDE_CODE

Era = Literal["auto", "legacy"]
WHERE: Turn = [("get_working_directory", {})]


@pytest.fixture(params=["auto", "legacy"])
def spoken(request: pytest.FixtureRequest) -> Era:
    """Both eras, as Claude Code calls them."""
    value: Era = request.param
    return value


@pytest.fixture
def plugged(tmp_path: Path) -> ClaudeCodeWithPlugin:
    """Claude Code with our plugin and a home of its own."""
    home = tmp_path / "claude-home"
    home.mkdir()
    return ClaudeCodeWithPlugin(BINARY, home)


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
