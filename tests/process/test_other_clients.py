"""Codex and Gemini CLI with our server as their one entry, offline; CODEX_BIN and GEMINI_BIN name the programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import make_project
from tests.clients.other_models import Call, GenerateContent, Responses, ScriptedApi
from tests.workspace.test_worktrees import git, needs_git

CODEX, GEMINI = os.environ.get("CODEX_BIN", ""), os.environ.get("GEMINI_BIN", "")
PATIENCE = 100.0
MISSING = "{} does not name {}; .ci/run installs it"

pytestmark = pytest.mark.timeout(PATIENCE + 20)
needs_codex = pytest.mark.skipif(not CODEX, reason=MISSING.format("CODEX_BIN", "the Codex CLI"))
needs_gemini = pytest.mark.skipif(not GEMINI, reason=MISSING.format("GEMINI_BIN", "the Gemini CLI"))

WORK: list[Call] = [
    ("get_working_directory", {}),
    ("create_work_items", {"items": [{"title": "Log in"}]}),
    ("claim_work_item", {}),
    ("update_work_items", {"updates": [{"id": 1, "status": "completed"}]}),
]


def run(api: ScriptedApi, command: list[str], cwd: Path, home: Path, **variables: str) -> list[str]:
    """What the model was told, once the client has ended well; nothing of this environment reaches it."""
    node = Path(shutil.which("node") or command[0]).parent
    path = os.pathsep.join((str(node), "/usr/local/bin:/usr/bin:/bin"))
    env = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", **variables}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done
    return api.results()


def codex(api: ScriptedApi, cwd: Path, home: Path) -> list[str]:
    """One conversation of Codex; `required` makes it wait for the server, as a real model's slowness does."""
    (home / ".codex").mkdir(parents=True, exist_ok=True)
    (home / ".codex" / "config.toml").write_text(
        f"""
model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{api.url}"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
[mcp_servers.workflow]
command = "{sys.executable}"
args = ["-m", "workflow_mcp"]
env = {{ WORKFLOW_MCP_DATA_DIR = "{home / "data"}" }}
required = true
startup_timeout_sec = 60
"""
    )
    command = [CODEX, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "go"]
    return run(api, command, cwd, home, CODEX_HOME=str(home / ".codex"), SCRIPTED_KEY="made-up")


def gemini(api: ScriptedApi, cwd: Path, home: Path) -> list[str]:
    """One conversation of Gemini CLI."""
    server = {
        "command": sys.executable,
        "args": ["-m", "workflow_mcp"],
        "env": {"WORKFLOW_MCP_DATA_DIR": str(home / "data")},
    }
    settings: dict[str, Any] = {
        "mcpServers": {"workflow": server},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
    }
    (home / ".gemini").mkdir(parents=True, exist_ok=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    command = [GEMINI, "-m", "gemini-2.5-flash", "--yolo", "-p", "go"]
    own = {"GEMINI_API_KEY": "made-up", "GOOGLE_GEMINI_BASE_URL": api.url, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return run(api, command, cwd, home, **own)


def check_work(told: list[str], folder: Path, source: str) -> None:
    """The four calls of `WORK` were answered, for that folder and its project."""
    where, created, claimed, updated = told
    for text in (f"{folder}", source, "shop"):
        assert text in where
    assert "created 1" in created
    assert "Log in" in claimed
    assert "completed" in updated


@needs_codex
@needs_git
def test_codex_in_a_repository(tmp_path: Path) -> None:
    """It names the repository with each call; one entry is all that it needs."""
    shop = make_project(tmp_path, "shop")
    git(shop, "init", "-q")
    git(shop, "commit", "-q", "--allow-empty", "-m", "first")
    with Responses(WORK) as api:
        check_work(codex(api, shop, tmp_path / "home"), shop, "call")


@needs_codex
def test_codex_outside_of_a_repository(tmp_path: Path) -> None:
    """It names no workspace and has no roots: the server goes by where it was started, which is where Codex was."""
    shop = make_project(tmp_path, "shop")
    with Responses(WORK) as api:
        check_work(codex(api, shop, tmp_path / "home"), shop, "process")


@needs_gemini
def test_gemini(tmp_path: Path) -> None:
    """It has roots; one entry is all that it needs."""
    shop = make_project(tmp_path, "shop")
    with GenerateContent(WORK) as api:
        check_work(gemini(api, shop, tmp_path / "home"), shop, "roots")
