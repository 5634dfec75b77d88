"""The hooks' commands go by the same environment as the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workflow_mcp.claude_code.environment import read_environment
from workflow_mcp.settings import load_settings


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WORKFLOW_MCP_DATA_DIR": "/data"},
        {"WORKFLOW_MCP_DATA_DIR": ""},
        {"XDG_DATA_HOME": "/xdg"},
        {"WORKFLOW_MCP_JOIN": "ask"},
        {"WORKFLOW_MCP_JOIN": "tell"},
        {"WORKFLOW_MCP_DATABASE_URL": ""},
        {"WORKFLOW_MCP_DATABASE_URL": "postgresql://a@b/c"},
        {"WORKFLOW_MCP_ALLOWED_ROOTS": ""},
        {"WORKFLOW_MCP_ALLOWED_ROOTS": "/a"},
        {"WORKFLOW_MCP_ALLOWED_ROOTS": f"/a{os.pathsep}{os.pathsep}/b{os.pathsep}"},
    ],
    ids=str,
)
def test_it_says_what_the_settings_say(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of data, allowed roots, home and joining, the same with any environment that the server takes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    environment, settings = read_environment(), load_settings()
    assert environment.data_dir == settings.data_dir
    assert environment.allowed_roots == settings.allowed_roots
    assert environment.home == settings.home
    assert environment.asks_to_join == (settings.join == "ask")
    assert environment.in_database == (settings.database_url is not None)
