"""The real Claude Code with our server, offline; the binary is named by CLAUDE_BIN."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.claude_code import NEEDS_CLAUDE_CODE, OLD_ERA, ClaudeCode, Era, ScriptedModel
from tests.clients.launcher import INSTALLED
from tests.workspace.test_worktrees import git, needs_git

pytestmark = NEEDS_CLAUDE_CODE


def project(folder: Path, name: str) -> Path:
    """A project folder."""
    (folder / name / ".workflow-mcp").mkdir(parents=True)
    config = {"project": {"name": name, "id": str(uuid4())}}
    (folder / name / ".workflow-mcp" / "config.json").write_text(json.dumps(config))
    return folder / name


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_set_then_get(claude: ClaudeCode, tmp_path: Path, era: Era) -> None:
    """Without any set the directory is Claude Code's own; what the model then sets, its next calls get."""
    claude.programs = INSTALLED
    here, there = project(tmp_path, "here"), project(tmp_path, "there")
    done = claude.run(
        here,
        [("get_working_directory", {})],
        [("set_working_directory", {"directory": str(there)})],
        [("get_working_directory", {}), ("health_check", {})],
        era=era,
    )
    assert [server["status"] for server in done.servers] == ["connected"], done
    assert [call.is_error for call in done.calls] == [False] * 4, done.calls
    first, _set, later, health = (call.data for call in done.calls)
    assert (first["directory_source"], first["directory"]) == ("roots", str(here))
    assert first["project"]["name"] == "here"
    assert (later["directory_source"], later["directory"]) == ("session", str(there))
    assert later["project"]["name"] == "there"
    assert (health["protocol"] == "2026-07-28") is (era == "auto")
    assert done.code == 0


@needs_git
@pytest.mark.parametrize("era", OLD_ERA)
def test_a_worktree_that_is_entered(claude: ClaudeCode, tmp_path: Path, era: Era) -> None:
    """After EnterWorktree the directory is the worktree's; without a config it joins the main checkout's project."""
    here = project(tmp_path, "here")
    git(here, "init", "-q")
    git(here, "commit", "-q", "--allow-empty", "-m", "first")
    done = claude.run(
        here,
        [("get_working_directory", {})],
        [("EnterWorktree", {"name": "elsewhere"})],
        [("init_project", {})],
        [("get_working_directory", {})],
        era=era,
        arguments=["--allowedTools", "EnterWorktree"],
    )
    before, entered, joined, after = done.calls
    assert before.data["directory"] == str(here)
    assert not entered.is_error, entered
    worktree = here / ".claude" / "worktrees" / "elsewhere"
    assert f"It is the project of the main checkout {here}" in joined.data["message"]
    assert (after.data["directory_source"], after.data["directory"]) == ("roots", str(worktree))
    assert after.data["config_path"] == str(worktree / ".workflow-mcp" / "config.json")
    assert after.data["project"] == before.data["project"]


def test_subdirectory_and_subagent(claude: ClaudeCode, tmp_path: Path) -> None:
    """Started below its project Claude Code finds it; a subagent's own session leaves the main one where it was."""
    here, there = project(tmp_path, "here"), project(tmp_path, "there")
    (here / "src").mkdir()
    done = claude.run(
        here / "src",
        [("set_working_directory", {"directory": str(there), "new_session": True})],
        [("get_working_directory", {}), ("get_working_directory", {"session": "made-up"})],
    )
    minted, main, made_up = done.calls
    assert minted.data["session"]
    assert minted.data["project"]["name"] == "there"
    assert (main.data["directory"], main.data["project"]["name"]) == (str(here / "src"), "here")
    assert made_up.is_error
    assert "SESSION_UNKNOWN: " in made_up.content


def test_resumed_later(claude: ClaudeCode, tmp_path: Path) -> None:
    """A conversation that is resumed in a new process finds the directory that was set; a new one does not."""
    here, there = project(tmp_path, "here"), project(tmp_path, "there")
    name = str(uuid4())
    setting = [("set_working_directory", {"directory": str(there)})]
    assert not claude.run(here, setting, arguments=["--session-id", name]).calls[0].is_error
    # The resumed conversation has two answers of the model in it already.
    turns = [[], [], [("get_working_directory", dict[str, str]())]]
    resumed = claude.run(here, *turns, arguments=["--resume", name])
    assert (resumed.calls[-1].data["directory_source"], resumed.calls[-1].data["directory"]) == ("session", str(there))
    fresh = claude.run(here, [("get_working_directory", {})])
    assert fresh.calls[0].data["directory"] == str(here)


def test_two_at_once(claude: ClaudeCode, tmp_path: Path) -> None:
    """Two Claude Codes in two projects, sharing one data directory, do not mix, nor when one sets its directory."""
    folders = [project(tmp_path, "one"), project(tmp_path, "two")]
    (folders[0] / "sub").mkdir()
    asking = [("get_working_directory", dict[str, str]())]
    setting = [("set_working_directory", {"directory": str(folders[0] / "sub")})]
    with ScriptedModel([setting, asking]) as one, ScriptedModel([asking, asking]) as two:
        started = [claude.start(model.url, cwd, "auto") for model, cwd in zip((one, two), folders, strict=True)]
        results = [claude.finish(process) for process in started]
    for result, name in zip(results, ("one", "two"), strict=True):
        assert [call.data["project"]["name"] for call in result.calls] == [name, name]
    assert results[0].calls[1].data["directory"] == str(folders[0] / "sub")
    assert results[1].calls[1].data["directory"] == str(folders[1])
