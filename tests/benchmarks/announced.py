"""How often the real Claude Code announces the server of a project's `.mcp.json`, for which it waits 2 s.

    CLAUDE_BIN=... python tests/benchmarks/announced.py [RUNS]

Two loops keep two cores busy meanwhile. Before that, runs that are not counted make the memo of openings. Prints in how
many runs the first request to the model named the server's tools, with a memo and without one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.clients.claude_code import BINARY, PATIENCE, SERVER, ClaudeCode, ScriptedModel, Turn

RUNS = 20
BUSY = 2
UNCOUNTED = 3


@dataclass
class OfAProject(ClaudeCode):
    """Claude Code in a project whose `.mcp.json` names our server."""

    memo: str = "on"

    def registration(self) -> list[str]:
        """See `ClaudeCode`."""
        return ["--settings", json.dumps({"enableAllProjectMcpServers": True}), "--allowedTools", f"mcp__{SERVER}"]

    def configure(self, project: Path) -> None:
        """Write the `.mcp.json`."""
        env = {"WORKFLOW_MCP_DATA_DIR": str(self.home / "data"), "WORKFLOW_MCP_MEMO": self.memo}
        server = {"command": sys.executable, "args": ["-m", "workflow_mcp"], "env": env}
        (project / ".mcp.json").write_text(json.dumps({"mcpServers": {SERVER: server}}))

    def announced(self, project: Path, *turns: Turn) -> tuple[bool, float]:
        """Whether the first request to the model names our tools, and the seconds until Claude Code was done."""
        begun = time.perf_counter()
        with ScriptedModel(turns) as model:
            process = self.start(model.url, project, "auto")
            process.communicate(timeout=PATIENCE)
        asked = json.dumps([body for body in model.asked if body.get("tools")][:1])
        return f"mcp__{SERVER}__claim_work_item" in asked, time.perf_counter() - begun


@contextmanager
def busy_machine() -> Iterator[None]:
    """Loops that never end, until the block does."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as name:
        for memo in ("on", "off"):
            folder = Path(name, memo)
            claude, project = OfAProject(BINARY, folder / "home", memo=memo), folder / "project"
            claude.home.mkdir(parents=True)
            project.mkdir()
            claude.configure(project)
            for _ in range(UNCOUNTED):
                claude.announced(project, [("Bash", {"command": "sleep 5"})])
            with busy_machine():
                found = [claude.announced(project) for _ in range(runs)]
            took = median(seconds for _, seconds in found)
            print(f"memo {memo}: announced in {sum(is_in for is_in, _ in found)} of {runs} runs of {took:.1f} s")


if __name__ == "__main__":
    main()
