"""The real Claude Code and the board within conversations: in a program that shows MCP Apps, and in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.agents import make_project
from tests.clients.claude_code import BINARY, NEEDS_CLAUDE_CODE, ClaudeCode, Outcome, ScriptedModel

pytestmark = [*NEEDS_CLAUDE_CODE, pytest.mark.soak]


class InAnotherProgram(ClaudeCode):
    """One that another program shows, which shows MCP Apps."""

    def variables(self) -> dict[str, str]:
        """See `ClaudeCode`."""
        return {"CLAUDE_CODE_MCP_APPS_HOST": "1"}


def shown(claude: ClaudeCode, folder: Path) -> tuple[str, Outcome]:
    """What the model reads before its first turn, and what comes of its calls."""
    with ScriptedModel([[("create_work_items", {"items": [{"title": "Shelf"}]})], [("show_board", {})]]) as model:
        outcome = claude.finish(claude.start(model.url, folder, "auto"))
        return json.dumps(model.asked[0], default=str), outcome


def test_in_a_terminal_its_model_is_told_nothing_of_the_board(claude: ClaudeCode, tmp_path: Path) -> None:
    """The tools are there in no form, not even by their names."""
    read, outcome = shown(claude, make_project(tmp_path, "shop"))
    assert "list_work_items" in read
    assert "show_board" not in read
    assert "board_request" not in read
    assert "No such tool" in outcome.calls[1].content


def test_where_apps_are_shown_its_model_reads_the_board(claude: ClaudeCode, tmp_path: Path) -> None:
    """Its tool alone and not the page's, and in its answer the columns."""
    read, outcome = shown(InAnotherProgram(BINARY, claude.home), make_project(tmp_path, "shop"))
    assert "show_board" in read
    assert "board_request" not in read
    assert '#1 task p2 ready "Shelf"' in outcome.calls[1].data["board"]
