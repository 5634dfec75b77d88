"""How long one who waits for a work item needs to get it, and what many cost while they wait, over HTTP.

    python tests/benchmarks/waiting.py [--rounds 20] [--seconds 5]

Prints the median and the longest time from the answer to a call that makes an item ready until the answer to the claim
that waits for it: in the same server, where the bar is 0.3 s, and in another one, where it is 0.3 s too. Then the
server's CPU time for each second in which 0, 1 and 50 clients wait and nothing happens.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
MANY = 50
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server over HTTP."""

    def __init__(self, process: subprocess.Popen[str], port: int, project: str) -> None:
        self._process, self.port, self._project = process, port, project

    def call(self, tool: str, **arguments: object) -> str:
        """The text of a call's answer, on a connection of its own."""
        params = {"_meta": META, "name": tool, "arguments": arguments}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        headers = {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
            "X-Workflow-Directory": self._project,
        }  # fmt: skip
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/mcp", body, headers)
        answer = connection.getresponse().read()
        connection.close()
        text = answer if answer.startswith(b"{") else answer.partition(b"data:")[2]
        return str(json.loads(text)["result"]["content"][0]["text"])

    def cpu(self) -> float:
        """Its CPU time so far, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def serving(home: Path, project: Path) -> Iterator[Server]:
    """A server, ended afterwards."""
    environment = {**os.environ, "WORKFLOW_MCP_DATA_DIR": str(home / "data"), "WORKFLOW_MCP_STATE_DIR": str(home / "s")}
    command = [sys.executable, "-m", "workflow_mcp", "serve", "--http", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r":(\d+)/mcp", process.stderr.readline())
        assert found is not None
        try:
            yield Server(process, int(found[1]), str(project))
        finally:
            process.terminate()


def delay(waiting_at: Server, made_at: Server) -> float:
    """Seconds from the answer that an item was made until one who waits elsewhere has it."""
    got: list[float] = []

    def wait() -> None:
        assert "Yours as waiter" in waiting_at.call("claim_work_item", actor="waiter", wait_seconds=50)
        got.append(time.perf_counter())

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.5)
    made_at.call("create_work_items", items=[{"title": "x"}])
    made = time.perf_counter()
    waiter.join()
    return max(got[0] - made, 0.0)


def cost(server: Server, waiting: int, seconds: float) -> float:
    """The CPU milliseconds that a server takes for each second while so many wait."""
    wait = round(seconds) + 4
    with ThreadPoolExecutor(MANY) as pool:
        calls = [pool.submit(server.call, "claim_work_item", actor=f"w{n}", wait_seconds=wait) for n in range(waiting)]
        time.sleep(2)
        before, begun = server.cpu(), time.perf_counter()
        time.sleep(seconds)
        used = (server.cpu() - before) / (time.perf_counter() - begun)
        assert all("Nothing is ready" in call.result() for call in calls)
    return 1000 * used


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, project = Path(folder), Path(folder) / "project"
        (project / ".workflow-mcp").mkdir(parents=True)
        (project / ".workflow-mcp" / "config.json").write_text('{"version": "1.0", "project": {"name": "waiting"}}')
        with serving(home, project) as one, serving(home, project) as other:
            one.call("create_work_items", items=[{"title": "x"}])
            one.call("claim_work_item", actor="first")
            other.call("list_work_items")
            for name, made_at in (("same server", one), ("another process", other)):
                delays = [1000 * delay(one, made_at) for _ in range(given.rounds)]
                print(f"{name}: {statistics.median(delays):.0f} ms median, {max(delays):.0f} ms at most; bar 300 ms")
            for waiting in (0, 1, MANY):
                print(f"{waiting} wait: {cost(one, waiting, given.seconds):.1f} ms of CPU time a second")


if __name__ == "__main__":
    main()
