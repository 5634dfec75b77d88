"""How soon a stdio server answers and ends, ours and an empty FastMCP server side by side.

    python tests/benchmarks/startup.py [ROUNDS]

From the start of the process to the answer of `initialize` and of `server/discover`; then from the end of
input, SIGINT or SIGTERM to the end of the process. Servers alternate, so that what else the machine does
falls on both alike. Prints medians and the ratio; asserts nothing, for timings are the machine's too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

ROUNDS = 15
PATIENCE = 60

EMPTY = """
from fastmcp import FastMCP

server = FastMCP("empty")

@server.tool
def ping() -> str:
    return "pong"

server.run(show_banner=False)
"""
SERVERS = {"empty FastMCP": ["-c", EMPTY], "workflow-mcp": ["-m", "workflow_mcp"]}
CLIENT: dict[str, Any] = {"name": "benchmark", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
OPENINGS: dict[str, dict[str, Any]] = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
    "server/discover": {"_meta": META},
}

Process = subprocess.Popen[bytes]


def end_input(process: Process) -> None:
    """The client closes its end."""
    assert process.stdin is not None
    process.stdin.close()


ENDINGS: dict[str, Callable[[Process], None]] = {
    "end of input": end_input,
    "SIGINT": lambda process: process.send_signal(signal.SIGINT),
    "SIGTERM": lambda process: process.send_signal(signal.SIGTERM),
}


def measure(
    arguments: list[str], method: str, folder: str, ending: Callable[[Process], None]
) -> tuple[float, float, int]:
    """Seconds from the start to the first answer and from the ending to the end, and the exit code."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": OPENINGS[method]}
    line = json.dumps(request).encode() + b"\n"
    env = {"PATH": os.defpath, "HOME": folder, "WORKFLOW_MCP_DATA_DIR": folder}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=env,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        process.stdin.flush()
        answer = process.stdout.readline()
        answered = time.perf_counter()
        assert "result" in json.loads(answer), answer
        ending(process)
        try:
            code = process.wait(PATIENCE)
        finally:
            process.kill()
        return answered - started, time.perf_counter() - answered, code


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    starts: dict[tuple[str, str], list[float]] = defaultdict(list)
    ends: dict[str, list[tuple[float, int]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for arguments in SERVERS.values():  # once unmeasured: files get cached, bytecode written
            measure(arguments, "initialize", folder, end_input)
        for turn in range(rounds):
            ending = list(ENDINGS)[turn % len(ENDINGS)]
            for method in OPENINGS:
                order = list(SERVERS) if turn % 2 else list(reversed(SERVERS))
                for name in order:
                    ours = name == "workflow-mcp"
                    way = ENDINGS[ending] if ours else end_input
                    start, end, code = measure(SERVERS[name], method, folder, way)
                    starts[method, name].append(start)
                    if ours:
                        ends[ending].append((end, code))
    print(f"start to first answer, median of {rounds}, alternating:")
    for method in OPENINGS:
        empty, own = (median(starts[method, name]) for name in SERVERS)
        spread = ", ".join(f"{name} from {min(starts[method, name]):.3f} s" for name in SERVERS)
        print(f"  {method:<16} empty {empty:.3f} s   ours {own:.3f} s   ratio {own / empty:.2f}   ({spread})")
    print("ours, from being told to end to the end of the process:")
    for ending, measured in ends.items():
        seconds = [end for end, _ in measured]
        codes = sorted({code for _, code in measured})
        print(f"  {ending:<16} median {median(seconds):.3f} s   worst {max(seconds):.3f} s   exit codes {codes}")


if __name__ == "__main__":
    main()
