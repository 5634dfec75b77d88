"""Very many clients at once on one server: each answer is for the client that asked, and all is freed afterwards."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.http import Header, HttpClient
from tests.clients.protocol import ERAS, MODERN, Era
from tests.clients.served import Served, serving
from tests.support import config_text, write_config

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
WAYS = ("session", "header", "roots")


def kind(number: int) -> tuple[Era, str]:
    """The era of a client, and how it says where it works."""
    return ERAS[number % 2], WAYS[number // 2 % 3]


HANDLES = sum(kind(number) == (MODERN, "session") for number in range(200))


@dataclass(frozen=True)
class Project:
    """A project's directory and id."""

    directory: Path
    id: str


def projects(base: Path, count: int) -> list[Project]:
    """Projects that all have the same name."""
    made = [Project(base / f"project-{number}", str(uuid4())) for number in range(count)]
    for project in made:
        write_config(project.directory, config_text("same", project_id=project.id))
    return made


async def work(url: str, kind: tuple[Era, str], project: Project, calls: int, gate: asyncio.Barrier) -> Counter[str]:
    """One client: it connects, waits for the others, calls, and leaves; counts its answers."""
    era, way = kind
    directory, counted = str(project.directory), Counter[str]()
    headers: tuple[Header, ...] = (("X-Workflow-Directory", directory),) if way == "header" else ()
    async with HttpClient(
        url, era, headers, (lambda: [project.directory.as_uri()]) if way == "roots" else None
    ) as client:
        arguments = {}
        if way == "session":
            done = await client.call("set_working_directory", directory=directory)
            arguments = {"session": done.data["session"]} if done.data["session"] else {}
        await gate.wait()
        for _ in range(calls):
            answer = await client.call("get_working_directory", **arguments)
            if answer.is_error:
                counted[answer.text] += 1
            else:
                found = (answer.data["directory"], answer.data["project"]["id"], answer.data["directory_source"])
                counted["right" if found == (directory, project.id, way) else "wrong"] += 1
    return counted


async def crowd(
    url: str, base: Path, *, clients: int, calls: int, count: int, kinds: Callable[[int], tuple[Era, str]] = kind
) -> Counter[str]:
    """Everybody's answers."""
    places, gate = projects(base, count), asyncio.Barrier(clients)
    async with asyncio.TaskGroup() as tasks:
        working = [
            tasks.create_task(work(url, kinds(number), places[number % count], calls, gate))
            for number in range(clients)
        ]
    return sum((task.result() for task in working), Counter[str]())


async def test_a_crowd(url: str, tmp_path: Path) -> None:
    """24 clients of both eras, in every way, in 8 projects: every answer is right."""
    assert await crowd(url, tmp_path, clients=24, calls=5, count=8) == {"right": 24 * 5}


def resident(served: Served) -> int:
    """The resident memory of a server, in bytes."""
    return int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1]) * PAGE


def open_sockets(served: Served) -> int:
    """How many sockets a server has open."""
    folder = f"/proc/{served.process.pid}/fd"
    names = [os.path.join(folder, name) for name in os.listdir(folder)]
    return sum(os.readlink(name).startswith("socket:") for name in names if os.path.islink(name))


async def sessions(served: Served) -> int:
    """How many sessions a server holds."""
    async with HttpClient(served.url) as client:
        count: int = (await client.call("health_check")).data["sessions"]
        return count


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
async def test_two_hundred_clients(tmp_path: Path) -> None:
    """200 clients at once, 50 calls each, in 50 projects: every answer is right, and nothing is left behind.

    A first crowd pays for what every later one uses again; after the second the server is as large
    as after the first, to 10 %, though 200 more clients have come and gone.
    """
    with serving(tmp_path / "home") as served:
        figures = []
        for turn in range(1, 4):
            counted = await crowd(served.url, tmp_path / str(turn), clients=200, calls=50, count=50)
            assert counted == {"right": 200 * 50}
            figures.append(resident(served))
            held = await sessions(served)
            print(f"after crowd {turn}: {figures[-1] / 2**20:.1f} MiB, {held} sessions")  # noqa: T201 - the figure is wanted
            assert held == turn * HANDLES, "those with a handle, and none of a legacy connection"
        assert max(figures[1:]) <= figures[0] * 1.1
        assert open_sockets(served) < 20
