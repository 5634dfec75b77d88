"""Cost of a call: `get_working_directory` against an empty FastMCP tool, over stdio and over HTTP, in one run.

    python tests/benchmarks/calls.py [--rounds 3] [--calls 4000] [--clients 32]

Over HTTP each client works in a directory and project of its own. Prints calls per second and p99 for both, and
their ratios; the bars are 0.80 and 1.5. Then what a call that the hook of the Claude Code plugin binds costs with its
hook, against the call alone; the bar is 2.2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EMPTY = """
import sys
from fastmcp import FastMCP
mcp = FastMCP("empty")

@mcp.tool
def ping() -> str:
    return "pong"

if sys.argv[1] == "stdio":
    mcp.run(show_banner=False, log_level="ERROR")
else:
    mcp.run("http", show_banner=False, port=int(sys.argv[2]), log_level="error", uvicorn_config={"access_log": False})
"""
TOOL_USE = "claudecode/toolUseId"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Figures:
    """Calls per second, and the 99th percentile of a call in milliseconds."""

    rate: float
    p99: float


@dataclass(frozen=True)
class Subject:
    """A server to measure: its command, and the tool to call."""

    name: str
    command: list[str]
    tool: str

    def request(self, number: int) -> bytes:
        """One tools/call as JSON."""
        params = {"_meta": META, "name": self.tool, "arguments": {}}
        return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()


def figures(durations: list[float], elapsed: float) -> Figures:
    """What the durations of single calls, in seconds, come to."""
    return Figures(len(durations) / elapsed, statistics.quantiles(durations, n=100)[98] * 1000)


def over_stdio(subject: Subject, *, cwd: str, calls: int) -> Figures:
    """Calls one after the other, as a client that waits for each answer."""
    with subprocess.Popen(
        [*subject.command, *(["stdio"] if subject.name == "empty" else [])],
        cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        durations = []
        for number in range(calls + 200):
            before = time.perf_counter()
            server.stdin.write(subject.request(number) + b"\n")
            server.stdin.flush()
            answer = server.stdout.readline()
            durations.append(time.perf_counter() - before)
            assert b'"isError":false' in answer, answer
        server.stdin.close()
    durations = durations[200:]
    return figures(durations, sum(durations))


async def one_client(subject: Subject, port: int, calls: int, cwd: str, durations: list[float]) -> None:
    """One connection that calls again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = subject.request(1)
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: {subject.tool}\r\nX-Workflow-Directory: {cwd}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for _ in range(calls):
        before = time.perf_counter()
        writer.write(head + body)
        header = await reader.readuntil(b"\r\n\r\n")
        length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        durations.append(time.perf_counter() - before)
        assert b'"isError":false' in answer, answer
    writer.close()


def over_http(subject: Subject, *, folders: list[str], calls: int) -> Figures:
    """A client for each folder, all at once."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    extra = ["http", str(port)] if subject.name == "empty" else ["serve", "--http", "--port", str(port)]
    with subprocess.Popen([*subject.command, *extra], cwd=folders[0], stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            asyncio.run(load(subject, port, 10, folders, []))
            durations: list[float] = []
            before = time.perf_counter()
            asyncio.run(load(subject, port, calls // len(folders), folders, durations))
            return figures(durations, time.perf_counter() - before)
        finally:
            server.terminate()


async def load(subject: Subject, port: int, calls: int, folders: list[str], durations: list[float]) -> None:
    """The calls of all clients."""
    await asyncio.gather(*(one_client(subject, port, calls, folder, durations) for folder in folders))


def projects(base: str, count: int) -> list[str]:
    """Folders with a project each."""
    folders = [Path(base, str(number)) for number in range(count)]
    for number, folder in enumerate(folders):
        config = folder / ".workflow-mcp" / "config.json"
        config.parent.mkdir(parents=True)
        project = {"name": f"benchmark {number}", "id": f"00000000-0000-4000-8000-{number:012}"}
        config.write_text(json.dumps({"project": project}))
    return [str(folder) for folder in folders]


def bound(*, cwd: str, calls: int) -> tuple[float, float]:
    """Median seconds of a call alone, and of a hook's call and the call that it binds, in turn on one server."""
    environment = os.environ | {"WORKFLOW_MCP_HOOK_TOOL": "1", "WORKFLOW_MCP_DATA_DIR": f"{cwd}/data"}
    with subprocess.Popen(
        [sys.executable, "-m", "workflow_mcp"],
        cwd=cwd, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        alone, pairs = list[float](), list[float]()
        for number in range(calls + 200):
            name = f"toolu_{number:024}"
            start = time.perf_counter()
            ask(server, "get_working_directory", {}, {}, expected=b"process")
            middle = time.perf_counter()
            arguments = {"session": "s", "agent": "", "agent_type": "", "cwd": cwd, "call": name}
            ask(server, "bind_call", arguments, {}, expected=b'"isError":false')
            ask(server, "get_working_directory", {}, {TOOL_USE: name}, expected=b'"call"')
            alone.append(middle - start)
            pairs.append(time.perf_counter() - middle)
        assert server.stdin is not None
        server.stdin.close()
    return statistics.median(alone[200:]), statistics.median(pairs[200:])


def ask(
    server: subprocess.Popen[bytes], tool: str, arguments: dict[str, str], meta: dict[str, str], *, expected: bytes
) -> None:
    """One call, whose answer holds what is expected."""
    assert server.stdin is not None
    assert server.stdout is not None
    params = {"_meta": META | meta, "name": tool, "arguments": arguments}
    server.stdin.write(
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode() + b"\n"
    )
    server.stdin.flush()
    answer = server.stdout.readline()
    assert expected in answer, answer


def compare_bound(cwd: str, calls: int, rounds: int) -> None:
    """Print the medians of rounds."""
    measured = [bound(cwd=cwd, calls=calls) for _ in range(rounds)]
    alone, pair = (statistics.median(values) * 1000 for values in zip(*measured, strict=True))
    print(f"bound  call alone   {alone:8.2f} ms   hook and call {pair:7.2f} ms   ratio {pair / alone:.2f} x")


def wait_for(port: int) -> None:
    """Wait until something listens on the port, 30 s at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(port)


def compare(title: str, measure: Callable[[Subject], Figures], subjects: list[Subject], rounds: int) -> None:
    """Print the medians of alternating rounds, and how ours compares with the empty server."""
    rows = {subject.name: [] for subject in subjects}  # type: dict[str, list[Figures]]
    for _ in range(rounds):
        for subject in subjects:
            rows[subject.name].append(measure(subject))
    median = {
        name: Figures(statistics.median(r.rate for r in row), statistics.median(r.p99 for r in row))
        for name, row in rows.items()
    }
    for name, result in median.items():
        print(f"{title:6} {name:12} {result.rate:8.0f} calls/s   p99 {result.p99:7.2f} ms")
    ours, empty = median["workflow-mcp"], median["empty"]
    print(f"{title:6} ratio        {ours.rate / empty.rate:8.2f} x         p99 {ours.p99 / empty.p99:7.2f} x")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--clients", type=int, default=32)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        folders = projects(base, chosen.clients)
        subjects = [
            Subject("empty", [sys.executable, "-c", EMPTY], "ping"),
            Subject("workflow-mcp", [sys.executable, "-m", "workflow_mcp"], "get_working_directory"),
        ]
        compare("stdio", lambda s: over_stdio(s, cwd=folders[0], calls=chosen.calls), subjects, chosen.rounds)
        compare_bound(folders[0], chosen.calls, chosen.rounds)
        compare("http", lambda s: over_http(s, folders=folders, calls=chosen.calls), subjects, chosen.rounds)


if __name__ == "__main__":
    main()
