"""How soon a stdio server answers, what it costs, and how soon it ends; beside an empty FastMCP server in the same run.

    python tests/benchmarks/startup.py [ROUNDS]

A window is a process and its client: an opening (`server/discover`, then the three lists at once), a call that
needs no data (`get_working_directory`; `ping` of the empty server) and one that does (`list_work_items`). Seconds, and
CPU seconds of user and system, are since the start of the process. Servers alternate, so that what else the machine
does falls on all alike. Prints medians and the ratio to the empty server; asserts nothing, for timings are the
machine's too. Where npm is there, Backlog.md is measured as well, in a column of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 15
PATIENCE = 60
WINDOWS = 10
BACKLOG = "backlog.md@1.52"

EMPTY = """
from fastmcp import FastMCP

server = FastMCP("empty")

@server.tool
def ping() -> str:
    return "pong"

server.run(show_banner=False)
"""
CLIENT: dict[str, Any] = {"name": "benchmark", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTS = ("tools/list", "prompts/list", "resources/list")
Request = tuple[str, dict[str, Any]]


def calling(tool: str) -> Request:
    """A call of a tool without arguments."""
    return "tools/call", {"name": tool, "arguments": {}}


@dataclass(frozen=True)
class Server:
    """One kind of server: what starts it, and the calls that it is asked."""

    command: list[str]
    session_call: Request
    data_call: Request | None = None
    env: dict[str, str] = field(default_factory=dict)


OURS = ([sys.executable, "-m", "workflow_mcp"], calling("get_working_directory"), calling("list_work_items"))
SERVERS = {
    "empty": Server([sys.executable, "-c", EMPTY], calling("ping")),
    "ours": Server(*OURS),
    "ours, no memo": Server(*OURS, {"WORKFLOW_MCP_MEMO": "off"}),
}


class Window:
    """A process and its client."""

    def __init__(self, server: Server, folder: Path) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "WORKFLOW_MCP_DATA_DIR": str(folder / "data")}
        self.started = time.perf_counter()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            server.command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            cwd=folder / "project",
            env={**env, **server.env},
        )
        self.last_id = 0

    def send(self, *requests: Request) -> None:
        """Send requests in one write."""
        lines = []
        for method, params in requests:
            self.last_id += 1
            message = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": {**params, "_meta": META}}
            lines.append(json.dumps(message).encode() + b"\n")
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(lines))
        self.process.stdin.flush()

    def receive(self, count: int = 1) -> float:
        """Seconds from the start until so many answers more have come."""
        assert self.process.stdout is not None
        while count:
            answer = json.loads(self.process.stdout.readline())
            assert "result" in answer or "method" in answer, answer
            count -= "result" in answer
        return time.perf_counter() - self.started

    def ask(self, *requests: Request) -> float:
        """Seconds from the start until all these have been answered."""
        self.send(*requests)
        return self.receive(len(requests))

    def open(self) -> tuple[float, float]:
        """Seconds from the start to the first answer, and to the last of the lists."""
        return self.ask(("server/discover", {})), self.ask(*((method, {}) for method in LISTS))

    def cpu(self) -> float:
        """User and system seconds that the process has used."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def memory(self, kind: str = "Rss") -> float:
        """Megabytes of the process."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1024

    def end(self, ending: Callable[[subprocess.Popen[bytes]], None]) -> tuple[float, int]:
        """Seconds from the ending to the end of the process, and its exit code."""
        told = time.perf_counter()
        ending(self.process)
        code = self.process.wait(PATIENCE)
        return time.perf_counter() - told, code

    def close(self) -> None:
        """End it by force, and close its streams."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@contextmanager
def window(server: Server, folder: Path) -> Iterator[Window]:
    """A window that is gone at the end."""
    opened = Window(server, folder)
    try:
        yield opened
    finally:
        opened.close()


def end_input(process: subprocess.Popen[bytes]) -> None:
    """The client closes its end."""
    assert process.stdin is not None
    process.stdin.close()


ENDINGS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "end of input": end_input,
    "SIGINT": lambda process: process.send_signal(signal.SIGINT),
    "SIGTERM": lambda process: process.send_signal(signal.SIGTERM),
}


def measure(server: Server, folder: Path) -> dict[str, float]:
    """One window's figures: a first call without data, then one with."""
    with window(server, folder) as opened:
        figures = dict(zip(("first answer", "lists"), opened.open(), strict=True))
        figures["memory idle, MB"] = opened.memory()
        figures["CPU of the opening"] = opened.cpu()
        figures["first call"] = opened.ask(server.session_call)
        figures["memory after it, MB"] = opened.memory()
        figures["CPU to the first call"] = opened.cpu()
        if server.data_call is not None:
            opened.ask(server.session_call)
            time.sleep(1)  # a model takes longer than that to read an answer
            before = time.perf_counter()
            opened.ask(server.data_call)
            figures["data call after it"] = time.perf_counter() - before
            figures["memory with data, MB"] = opened.memory()
    return figures


def measure_data(server: Server, folder: Path) -> dict[str, float]:
    """Another window's: its first call is one with data; of the empty server, any call."""
    with window(server, folder) as opened:
        opened.open()
        return {"first data call": opened.ask(server.data_call or server.session_call)}


def ten_windows(server: Server, folder: Path) -> dict[str, float]:
    """The figures of ten windows that start at once."""
    with ExitStack() as stack:
        opened = [stack.enter_context(window(server, folder)) for _ in range(WINDOWS)]
        for one in opened:
            one.send(("server/discover", {}), *((method, {}) for method in LISTS))
        last = max(one.receive(1 + len(LISTS)) for one in opened) if opened else 0.0
        return {"ten windows, last lists": last, "ten windows idle, MB": sum(one.memory("Pss") for one in opened)}


def endings(folder: Path, rounds: int) -> dict[str, list[tuple[float, int]]]:
    """How the real server ends after a call, in each way."""
    ended = defaultdict(list)
    for name, ending in ENDINGS.items():
        for _ in range(max(1, rounds // 3)):
            with window(SERVERS["ours"], folder) as opened:
                opened.open()
                opened.ask(SERVERS["ours"].session_call)
                ended[name].append(opened.end(ending))
    return ended


def backlog(folder: Path) -> dict[str, Server]:
    """Backlog.md, installed for this run; nothing where there is no npm."""
    npm, git = shutil.which("npm"), shutil.which("git")
    if npm is None or git is None:
        return {}
    where, project = folder / "backlog", folder / "project"
    where.mkdir()
    subprocess.run([npm, "install", "--silent", "--no-save", "--prefix", where, BACKLOG], check=True, cwd=where)
    program = str(where / "node_modules" / ".bin" / "backlog")
    subprocess.run([git, "init", "-q"], check=True, cwd=project)
    subprocess.run([program, "init", "measured", "--defaults"], check=True, cwd=project, capture_output=True)
    return {"Backlog.md": Server([program, "mcp", "start"], calling("task_list"), calling("task_list"))}


def opens_as_a_handshake(server: Server, folder: Path) -> dict[str, float]:
    """The figures of a server that knows the handshake only."""
    with window(server, folder) as opened:
        first = opened.ask(("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}))
        figures = {"first answer": first, "lists": opened.ask(("tools/list", {})), "memory idle, MB": opened.memory()}
        return figures | {"first call": opened.ask(server.session_call), "memory after it, MB": opened.memory()}


def prepare(folder: Path) -> None:
    """A project with one work item, and once of everything: files get cached, byte code and memos written."""
    (folder / "project").mkdir()
    with window(SERVERS["ours, no memo"], folder) as opened:
        opened.open()
        opened.ask(calling("init_project"))
        opened.ask(("tools/call", {"name": "create_work_items", "arguments": {"items": [{"title": "First"}]}}))
    for server in SERVERS.values():
        measure(server, folder)


def print_table(measured: dict[str, dict[str, list[float]]]) -> None:
    """A row for each figure, a column for each server."""
    print(f"{'median':<26}" + "".join(f"{name:>22}" for name in measured))
    rows = dict.fromkeys(name for figures in measured.values() for name in figures)
    for row in rows:
        base = median(measured["empty"].get(row) or [0.0])
        cells = []
        for name, figures in measured.items():
            value = median(figures[row]) if figures.get(row) else None
            ratio = f" ({value / base:.2f} x)" if value is not None and base and name != "empty" else ""
            cells.append(f"{'-' if value is None else f'{value:.3f}{ratio}':>22}")
        print(f"{row:<26}" + "".join(cells))


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measured: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in SERVERS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for turn in range(rounds):
            for kind, server in sorted(SERVERS.items(), reverse=bool(turn % 2)):
                figures = measure(server, folder) | measure_data(server, folder)
                if turn < max(1, rounds // 5):
                    figures |= ten_windows(server, folder)
                for row, value in figures.items():
                    measured[kind][row].append(value)
        ended = endings(folder, rounds)
        for kind, server in backlog(folder).items():
            measured[kind] = defaultdict(list)
            for _ in range(rounds):
                for row, value in opens_as_a_handshake(server, folder).items():
                    measured[kind][row].append(value)
    print(f"{rounds} rounds, servers alternating; seconds since the start of the process")
    print_table(measured)
    print("ours, from being told to end to the end of the process:")
    for ending, found in ended.items():
        seconds, codes = [end for end, _ in found], sorted({code for _, code in found})
        print(f"  {ending:<16} median {median(seconds):.3f} s   worst {max(seconds):.3f} s   exit codes {codes}")


if __name__ == "__main__":
    main()
