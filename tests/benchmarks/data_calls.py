"""Cost of a data call over stdio against a call of an empty FastMCP server, in one run.

    python tests/benchmarks/data_calls.py [--rounds 5] [--calls 150] [--profile FILE]

Each call of ours, on a project with about 100 open items, is followed by one of the empty server, so that both find
the machine in the same state: caches, clock, other load. Prints the medians of a call and their ratios to the empty
one; the bar is 1.6. `--profile` writes what
cProfile says of our server (its event loop's thread) instead, for `python -m pstats`.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

EMPTY = """
from fastmcp import FastMCP
mcp = FastMCP("empty")

@mcp.tool
def ping() -> str:
    return "pong"

mcp.run(show_banner=False, log_level="ERROR")
"""
OURS = ["-m", "workflow_mcp"]
PROFILED = """
import cProfile, sys
import workflow_mcp.transports.stdio.serve as serve
from workflow_mcp.transports.stdio.opening import Opening
profile, leave = cProfile.Profile(), serve.leave

def dump(code):
    profile.disable()
    profile.dump_stats(sys.argv[1])
    leave(code)

serve.leave = dump
profile.enable()
serve.serve_stdio(Opening(None))
"""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
ITEMS = 100
WARM_UP = 20

Times = dict[str, list[float]]


class Server:
    """A server process and the times, in seconds, that its calls took."""

    def __init__(self, arguments: list[str], cwd: str, data_dir: str) -> None:
        self.times: Times = {}
        self._last = 0
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd, env={"HOME": data_dir, "WORKFLOW_MCP_DATA_DIR": data_dir},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def call(self, name: str | None, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and count the time under a name if one is given."""
        self._last += 1
        params = {"_meta": META, "name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": self._last, "method": "tools/call", "params": params}
        line = json.dumps(message).encode() + b"\n"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = time.perf_counter()
        self._process.stdin.write(line)
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        taken = time.perf_counter() - before
        result: dict[str, Any] = json.loads(answer)["result"]
        assert not result["isError"], answer
        if name is not None:
            self.times.setdefault(name, []).append(taken)
        return result


class Pair:
    """Our server beside an empty one, which is called after each call of ours."""

    def __init__(self, ours: Server, empty: Server) -> None:
        self.ours, self.empty = ours, empty

    def call(self, name: str | None, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool of ours, and then the empty one; count both if a name is given."""
        result = self.ours.call(name, tool, **arguments)
        self.empty.call(None if name is None else "empty", "ping")
        return result


def measure(folder: str, calls: int, arguments: list[str]) -> Times:
    """As many calls of each kind, taking turns, while about 100 items are open."""
    project, data_dir = Path(folder, uuid4().hex), Path(folder, "data")
    (project / ".workflow-mcp").mkdir(parents=True)
    config = {"project": {"name": "benchmark", "id": str(uuid4())}}
    (project / ".workflow-mcp" / "config.json").write_text(json.dumps(config))
    with Server(arguments, str(project), str(data_dir)) as ours, Server(["-c", EMPTY], folder, folder) as empty:
        ours.call(None, "create_work_items", items=[{"title": f"item {number}"} for number in range(ITEMS)])
        for number in range(WARM_UP + calls):
            take_turns(Pair(ours, empty), str if number >= WARM_UP else lambda _name: None, number)
        return empty.times | ours.times


def take_turns(server: Pair, name: Callable[[str], str | None], number: int) -> None:
    """A call of each kind, each counted under what `name` makes of its name."""
    server.call(name("get_working_directory"), "get_working_directory")
    server.call(name("create one"), "create_work_items", items=[{"title": f"Do number {number}"}])
    server.call(name("list ready of 100"), "list_work_items", limit=200)
    claimed = server.call(name("claim the first"), "claim_work_item", actor="benchmark")
    item_id = int(re.findall(r"#(\d+) ", claimed["content"][0]["text"])[0])
    finish = [{"id": item_id, "status": "completed"}]
    server.call(name("get"), "get_work_item", id=item_id)
    server.call(name("update: finish"), "update_work_items", updates=finish, actor="benchmark")
    server.call(name("link"), "link_work_items", id=item_id, other=item_id + 1, kind="relates_to")
    server.call(name("delete"), "delete_work_items", ids=[item_id])
    server.call(name("search"), "list_work_items", view="all", text=f"number {number}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=150)
    parser.add_argument("--profile", metavar="FILE")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.profile:
            measure(folder, chosen.calls, ["-c", PROFILED, chosen.profile])
            return
        medians: dict[str, list[float]] = {}
        for _ in range(chosen.rounds):
            times = measure(folder, chosen.calls, OURS)
            empty = statistics.median(times["empty"])
            for name, own in times.items():
                medians.setdefault(name, []).append(statistics.median(own) * 1000)
                medians.setdefault(f"{name}/", []).append(statistics.median(own) / empty)
        for name in [name for name in medians if not name.endswith("/")]:
            took, ratio = (statistics.median(medians[key]) for key in (name, f"{name}/"))
            print(f"{name:22} {took:7.2f} ms  {ratio:6.2f} x")


if __name__ == "__main__":
    main()
