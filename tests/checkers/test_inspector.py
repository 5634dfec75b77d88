"""The MCP Inspector's command line, over stdio and HTTP, in both eras."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.checkers.node import needs_checkers, run
from tests.clients.served import Served, serving

pytestmark = needs_checkers

Era = Literal["legacy", "auto"]


@pytest.fixture(params=["legacy", "auto"])
def era(request: pytest.FixtureRequest) -> Era:
    """What the Inspector is told to speak; `auto` is 2026-07-28 with a server that has it."""
    value: Era = request.param
    return value


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server over HTTP."""
    with serving(tmp_path / "server") as served:
        yield served


def inspect(target: list[str], era: Era, home: Path, *arguments: str) -> Any:
    """The result of one method, which the Inspector has no fault to find with."""
    options = ["--protocol-era", era, "--format", "json", *arguments]
    data = {"WORKFLOW_MCP_DATA_DIR": str(home / "data")}
    (home / "home").mkdir(exist_ok=True)
    done = run("@modelcontextprotocol/inspector", "--cli", *target, *options, home=home / "home", cwd=home, **data)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["result"]


def tools_and_a_call(target: list[str], era: Era, home: Path, *options: str) -> None:
    """List the tools strictly, then call one in a directory that is known."""
    tools = inspect(target, era, home, "--method", "tools/list", "--strict", *options)["tools"]
    assert {"set_working_directory", "get_working_directory", "health_check"} <= {tool["name"] for tool in tools}
    called = inspect(target, era, home, "--method", "tools/call", "--tool-name", "health_check", *options)
    health = called["structuredContent"]
    assert (health["protocol"] == "2026-07-28") == (era == "auto")
    assert health["workspace"]["directory"] == str(home)


def test_stdio(tmp_path: Path, era: Era) -> None:
    """Over stdio the tool list passes strictly, and a call is for the directory it was started in."""
    tools_and_a_call([sys.executable, "-m", "workflow_mcp"], era, tmp_path)


def test_http(tmp_path: Path, served: Served, era: Era) -> None:
    """Over HTTP the tool list passes strictly, and a call is for the directory in the header."""
    tools_and_a_call([served.url], era, tmp_path, "--header", f"X-Workflow-Directory: {tmp_path}")
