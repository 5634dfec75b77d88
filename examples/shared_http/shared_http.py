"""One HTTP server, four clients in two projects: two of each protocol era; by header, by handle and by roots.

Starts the real server on a free port, lets all clients work at once, shows what each was told and
how the server knew, and ends with 1 if anything leaked.

    uv run examples/shared_http/shared_http.py
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 10


@dataclass
class Seat:
    """A client: the era it speaks, how the server learns its directory, and the project it works in."""

    mode: str
    way: str
    project: Path


@contextmanager
def shared_server(data: Path) -> Iterator[str]:
    """The real server on a free port, as a process of its own; yields its URL."""
    command = [sys.executable, "-m", "workflow_mcp", "serve", "--http", "--port", "0"]
    environment = {**os.environ, "WORKFLOW_MCP_DATA_DIR": str(data)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        yield server.stderr.readline().split(" at ")[1].split()[0]
        server.terminate()


async def work(seat: Seat, url: str) -> list[dict[str, Any]]:
    """What one client does: makes its directory a project and asks, again and again, where it is."""
    headers = {"X-Workflow-Directory": str(seat.project)} if seat.way == "header" else {}
    roots = [seat.project.as_uri()] if seat.way == "roots" else None
    async with Client(StreamableHttpTransport(url, headers=headers), mode=seat.mode, roots=roots) as client:
        session = {}
        if seat.way == "session":
            answer = await client.call_tool("set_working_directory", {"directory": str(seat.project)})
            handle = (answer.structured_content or {})["session"]
            session = {"session": handle} if handle else {}
        await client.call_tool("init_project", session)
        calls = [await client.call_tool("get_working_directory", session) for _ in range(ROUNDS)]
    return [call.structured_content or {} for call in calls]


async def main() -> int:
    """Run everybody at once and compare what each was told with where it works."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        alpha, beta = folder / "alpha", folder / "beta"
        alpha.mkdir()
        beta.mkdir()
        seats = [
            Seat("auto", "session", alpha),
            Seat("auto", "roots", beta),
            Seat("legacy", "session", beta),
            Seat("legacy", "header", alpha),
        ]
        with shared_server(folder / "data") as url:
            told = await asyncio.gather(*(work(seat, url) for seat in seats))
    table = Table("era", "how the server knew", "project", "", title="One server, four clients")
    leaks = 0
    for seat, answers in zip(seats, told, strict=True):
        seen = {(answer["directory_source"], answer["project"]["name"]) for answer in answers}
        right = seen == {(seat.way, seat.project.name)}
        leaks += not right
        source, name = next(iter(seen))
        table.add_row("2026-07-28" if seat.mode == "auto" else "legacy", source, name, "✓" if right else "✗")
    Console().print(table)
    Console().print(f"{len(seats) * ROUNDS} answers, {leaks} leaks")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
