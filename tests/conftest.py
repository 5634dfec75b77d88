"""What every test starts from: an environment that says nothing about the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clients.claude_code import BINARY, ClaudeCode

NOT_OURS = ("WORKFLOW_MCP_", "CLAUDE_", "FASTMCP_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(NOT_OURS):
            monkeypatch.delenv(name)


@pytest.fixture
def claude(tmp_path: Path) -> ClaudeCode:
    """Claude Code with a home of its own."""
    home = tmp_path / "claude-home"
    home.mkdir()
    return ClaudeCode(BINARY, home)
