"""The real Claude Code over HTTP: several windows on one server, each in its own project."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.clients.claude_code import BINARY, NEEDS_CLAUDE_CODE, SERVER, ClaudeCode, Era, Outcome, ScriptedModel, Turn
from tests.clients.served import serving
from tests.support import config_text, write_config

pytestmark = NEEDS_CLAUDE_CODE

NO_HEADER: dict[str, str] = {}
HEADER = {"X-Workflow-Directory": "${PWD}"}


class ClaudeCodeOverHttp(ClaudeCode):
    """Claude Code that was started from a shell and has a server's URL configured."""

    def __init__(self, home: Path, url: str, headers: dict[str, str]) -> None:
        shell = home / "claude"
        shell.write_text(f'#!/bin/sh\nexport PWD\nexec "{BINARY}" "$@"\n')
        shell.chmod(0o755)
        super().__init__(str(shell), home)
        self._server = {"type": "http", "url": url, "headers": headers}

    def configuration(self) -> Path:
        """An MCP configuration that names the server."""
        path = self.home / "mcp.json"
        path.write_text(json.dumps({"mcpServers": {SERVER: self._server}}))
        return path


def said(outcome: Outcome) -> list[dict[str, Any]]:
    """What the model was told by each call, none of which failed."""
    assert outcome.code == 0, outcome.log
    assert [server["status"] for server in outcome.servers] == ["connected"]
    assert not any(call.is_error for call in outcome.calls), outcome.calls
    return [call.data for call in outcome.calls]


@pytest.mark.parametrize(
    "with_header",
    [
        [True, False, False, True],
        pytest.param([True] * 4, marks=pytest.mark.soak),
        pytest.param([False] * 4, marks=pytest.mark.soak),
    ],
    ids=["mixed", "header", "no-header"],
)
def test_four_windows_in_two_projects(tmp_path: Path, with_header: list[bool]) -> None:
    """Two windows of each era in two projects at once: every answer names the window's own, with nothing to set up.

    In each era and in each project one window says its directory in a header and one answers for its roots.
    """
    projects = [tmp_path / "one", tmp_path / "two"]
    for project in projects:
        write_config(project, config_text(project.name, project_id=None))
    where: Turn = [("get_working_directory", {})] * 3
    turns: list[Turn] = [where, [("health_check", {})], where]
    with serving(tmp_path / "server") as served, ScriptedModel(turns) as model:
        started = []
        for (era, project), has_header in zip(product(get_args(Era), projects), with_header, strict=True):
            home = tmp_path / f"home-{era}-{project.name}"
            home.mkdir()
            claude = ClaudeCodeOverHttp(home, served.url, HEADER if has_header else NO_HEADER)
            source = "header" if has_header else "roots"
            started.append((era, project, source, claude.start(model.url, project, era)))
        for era, project, source, process in started:
            answers = said(ClaudeCode.finish(process))
            assert len(answers) == 7
            health = answers.pop(3)
            assert (health["protocol"] == "2026-07-28") == (era == "auto")
            for found in (*answers, health["workspace"]):
                assert (found["directory_source"], found["directory"]) == (source, str(project))
                assert found["project"]["name"] == project.name


def test_a_directory_that_is_set(tmp_path: Path) -> None:
    """What the model sets wins over the header for a legacy window; for a 2026-07-28 one it gets a handle to pass."""
    project, other = tmp_path / "one", tmp_path / "two"
    for folder in (project, other):
        write_config(folder, config_text(folder.name, project_id=None))
    turns: list[Turn] = [[("set_working_directory", {"directory": str(other)})], [("get_working_directory", {})]]
    with serving(tmp_path / "server") as served:
        for era in get_args(Era):
            home = tmp_path / f"home-{era}"
            home.mkdir()
            done, found = said(ClaudeCodeOverHttp(home, served.url, HEADER).run(project, *turns, era=era))
            assert done["directory"] == str(other)
            assert bool(done["session"]) == (era == "auto")
            assert found["directory"] == str(project if era == "auto" else other)
