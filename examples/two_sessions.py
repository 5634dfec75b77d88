"""Two projects, three servers, both protocol eras: every client sees its own workspace and nobody else's.

Starts the real server twice over stdio and once in memory, lets a client of each era work with each,
interleaved, shows what every client was told, and ends with 1 if anything leaked.

    uv run examples/two_sessions.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from rich.console import Console
from rich.table import Table

from workflow_mcp import Settings, build_server

ERAS = {"auto": "2026-07-28", "legacy": "legacy"}
ROUNDS = 5


@dataclass
class Seat:
    """One client, the era it speaks, how it reaches a server, and the project it works in."""

    era: str
    transport: str
    project: Path
    client: Client[Any]


def make_project(folder: Path, name: str) -> Path:
    """A folder with sub folders, for `init_project` to make a project of."""
    (folder / name / "src").mkdir(parents=True)
    return folder / name


async def seats(stack: AsyncExitStack, projects: list[Path], data: Path) -> list[Seat]:
    """A client of each era at each server; the stdio servers are real processes."""
    taken = []
    for mode, era in ERAS.items():
        for number, project in enumerate(projects):
            server = StdioTransport(
                sys.executable,
                ["-m", "workflow_mcp"],
                cwd=str(project / "src"),
                env={"WORKFLOW_MCP_DATA_DIR": str(data)},
                keep_alive=False,
            )
            client = await stack.enter_async_context(Client(server, mode=mode))
            taken.append(Seat(era, f"stdio {number + 1}", project, client))
        memory = build_server(Settings(data_dir=data))
        client = await stack.enter_async_context(Client(memory, mode=mode))
        taken.append(Seat(era, "in memory", projects[0], client))
    return taken


async def work(seat: Seat) -> list[str]:
    """What a client does: says where it is, makes it a project, and asks again and again."""
    directory = str(seat.project / "src")
    await seat.client.call_tool("set_working_directory", {"directory": directory})
    await seat.client.call_tool("init_project", {"name": seat.project.name})
    seen = []
    for _ in range(ROUNDS):
        answer = (await seat.client.call_tool("get_working_directory")).structured_content or {}
        seen.append(f"{answer['directory']} {answer['project']['name']}")
    return seen


async def main() -> int:
    """Run everybody at once and compare what each was told with where it works."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        projects = [make_project(folder, "alpha"), make_project(folder, "beta")]
        async with AsyncExitStack() as stack:
            taken = await seats(stack, projects, folder / "data")
            told = await asyncio.gather(*(work(seat) for seat in taken))
    table = Table("era", "server", "directory", "project", "", title="Who is where")
    leaks = 0
    for seat, seen in zip(taken, told, strict=True):
        expected = f"{seat.project / 'src'} {seat.project.name}"
        right = set(seen) == {expected}
        leaks += not right
        directory, project = seen[-1].rsplit(" ", 1)
        table.add_row(
            seat.era, seat.transport, f"…/{Path(directory).relative_to(folder)}", project, "✓" if right else "✗"
        )
    Console().print(table)
    Console().print(f"{len(taken)} clients, {len(taken) * ROUNDS} answers, {leaks} leaks")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
