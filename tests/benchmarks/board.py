"""How much slower a claim is while many look at the project's board.

    python -m tests.benchmarks.board [--boards 20] [--claims 60] [--rounds 10] [--items 500]

One server over HTTP; an agent claims and releases items one after the other. In turn, with no board open and with many
that do what the page does: each follows the stream of changes, and after a change fetches the board again, at most four
times a second. They are in a process of their own. Prints the median time of a claim, and the
median over the rounds of its ratio to that without boards, which is to be at most 1.10; the server's CPU time for a
claim; the boards' fetches a second; and the server's CPU time for each second in which the boards are open and nothing
happens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.benchmarks.waiting import Server, serving

PROJECT = "5d0c5f0e-7c53-4a5e-8a3f-0d7f6f5a2b11"
MIN_INTERVAL = 0.25
BATCH = 100
IDLE_SECONDS = 1.0


class Board:
    """What one open tab does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._headers = {"Content-Type": "application/json"}
        key = self._ask("POST", "key", {"name": "looker", "project": PROJECT, "project_name": "board"})["key"]
        self._headers["Origin"] = f"http://127.0.0.1:{port}"
        self._ask("POST", "session", {"key": key})
        self.fetches = 0

    def _ask(self, method: str, path: str, fields: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, f"/board/api/{path}", None if fields is None else json.dumps(fields), self._headers)
        answer = connection.getresponse()
        cookie, body = answer.headers.get("set-cookie"), answer.read()
        connection.close()
        assert answer.status < 300, body
        if cookie:
            self._headers["Cookie"] = cookie.partition(";")[0]
        return json.loads(body) if body else None

    def fetch(self) -> None:
        """Fetch the board, as the page does."""
        self._ask("GET", f"projects/{PROJECT}/board?limit=100")
        self.fetches += 1

    def look(self) -> None:
        """Follow the changes for as long as the server runs."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=600)
        connection.request("GET", f"/board/api/projects/{PROJECT}/events", headers=self._headers)
        stream = connection.getresponse()
        self.fetch()
        while line := stream.readline():
            if line.startswith(b"event: change"):
                begun = time.perf_counter()
                self.fetch()
                time.sleep(max(begun + MIN_INTERVAL - time.perf_counter(), 0))


def look(port: int, count: int) -> None:
    """Be so many boards, until stdin ends; then print how often they fetched in all."""
    boards = [Board(port) for _ in range(count)]
    for board in boards:
        threading.Thread(target=board.look, daemon=True).start()
    while any(not board.fetches for board in boards):
        time.sleep(0.05)
    print("open", flush=True)
    sys.stdin.read()
    print(sum(board.fetches for board in boards), flush=True)


@contextmanager
def looking(port: int, count: int) -> Iterator[list[int]]:
    """Boards in a process of their own; afterwards, in the list, how often they fetched."""
    fetches: list[int] = []
    command = [sys.executable, "-m", "tests.benchmarks.board", "--look", str(port), "--boards", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield fetches
        process.stdin.close()
        fetches.append(int(process.stdout.readline()))


def claims(server: Server, count: int) -> list[float]:
    """The milliseconds that each of so many claims takes."""
    times = []
    for number in range(count):
        begun = time.perf_counter()
        answer = server.call("claim_work_item", actor=f"agent-{number}")
        times.append(1000 * (time.perf_counter() - begun))
        item = json.loads(answer)["item"]["id"]
        server.call("update_work_items", updates=[{"id": item, "status": "pending"}], actor=f"agent-{number}")
    return times


def measure(server: Server, given: argparse.Namespace) -> None:
    """Print the figures of one server."""
    claims(server, 20)
    rounds = [measured(server, given) for _ in range(given.rounds)]
    medians = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    alone, watched, ratio, cpu_alone, cpu_watched, rate, idle = medians
    print(f"a claim: {alone:.1f} ms without, {watched:.1f} ms with {given.boards} boards open")
    print(f"ratio {ratio:.2f} (bar 1.10), of the server's CPU time {cpu_watched / cpu_alone:.2f}")
    print(f"{rate:.0f} fetches a second; {1000 * idle:.0f} ms of CPU a second while nothing happens")


def measured(server: Server, given: argparse.Namespace) -> tuple[float, ...]:
    """The figures of one round: a part without boards before and after a part with them."""
    before, alone = server.cpu(), claims(server, given.claims // 2)
    cpu_alone = server.cpu() - before
    with looking(server.port, given.boards) as fetches:
        time.sleep(0.5)
        before, begun = server.cpu(), time.perf_counter()
        watched = claims(server, given.claims)
        seconds, cpu_watched = time.perf_counter() - begun, server.cpu() - before
        time.sleep(0.5)
        before = server.cpu()
        time.sleep(IDLE_SECONDS)
        idle = (server.cpu() - before) / IDLE_SECONDS
    before = server.cpu()
    alone += claims(server, given.claims // 2)
    cpu_alone += server.cpu() - before
    rate = (fetches[0] - given.boards) / seconds
    ratio = statistics.median(watched) / statistics.median(alone)
    return statistics.median(alone), statistics.median(watched), ratio, cpu_alone, cpu_watched, rate, idle


def main() -> None:
    """Print the figures, or be boards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=20)
    parser.add_argument("--claims", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--look", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.look is not None:
        look(given.look, given.boards)
        return
    with tempfile.TemporaryDirectory() as folder:
        home, project = Path(folder), Path(folder) / "project"
        (project / ".workflow-mcp").mkdir(parents=True)
        config = {"version": "1.0", "project": {"name": "board", "id": PROJECT}}
        (project / ".workflow-mcp" / "config.json").write_text(json.dumps(config))
        with serving(home, project) as server:
            for start in range(0, given.items, BATCH):
                titles = [{"title": f"Item {number}"} for number in range(start, start + BATCH)]
                server.call("create_work_items", items=titles, actor="planner")
            measure(server, given)


if __name__ == "__main__":
    main()
