"""The isolation matrix: era, transport, how the directory is known, whose server. A cell that cannot be says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal, Protocol, get_args
from uuid import uuid4

import pytest

from tests.clients.http import HttpClient
from tests.clients.peers import StdioPeer, in_memory, isolated_settings
from tests.clients.protocol import ERAS, MODERN, Answer, Era
from tests.clients.served import served_app
from tests.clients.stdio import Wire, environment
from tests.server import hosts
from tests.server.hosts import HOSTS, Host
from tests.support import config_text, write_config

Transport = Literal["stdio", "http", "memory"]
Way = Literal["session", "header", "roots", "process"]
Cell = tuple[Era, Transport, Way, Host]

CELLS: list[Cell] = list(product(ERAS, get_args(Transport), get_args(Way), get_args(Host)))


def impossible(cell: Cell) -> str | None:
    """Why a cell cannot exist; None for one that is tested."""
    _, transport, way, host = cell
    if way == "header" and transport != "http":
        return f"no headers over {transport}"
    if way == "process" and transport != "stdio":
        return f"no client launched the process over {transport}, so its directory is nobody's"
    if way == "session" and host == "own":
        return "a host without our tools has none that sets a session"
    return None


@dataclass
class Project:
    """A project, and a directory inside it."""

    directory: Path
    id: str = field(default_factory=lambda: str(uuid4()))

    def make(self) -> None:
        """Write it down; all projects have one name, so that only the id tells them apart."""
        (self.directory / "sub").mkdir(parents=True)
        write_config(self.directory, config_text("same name", project_id=self.id))

    @property
    def sub(self) -> Path:
        """Where the client works."""
        return self.directory / "sub"


class Caller(Protocol):
    """The part of a client that the matrix needs."""

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""


@dataclass
class Client:
    """One client in its project; `handle` goes with every call once it has one."""

    peer: Caller
    project: Project
    way: Way
    tool: str = "set_working_directory"
    handle: dict[str, str] = field(default_factory=dict)

    async def settle(self, *, new_session: bool) -> None:
        """Make its project known in the way of the cell, where that takes a call."""
        if self.way == "session":
            directory = str(self.project.sub)
            done = await self.peer.call(self.tool, directory=directory, new_session=new_session)
            self.handle = {} if done.data["session"] is None else {"session": done.data["session"]}

    async def check(self) -> None:
        """Its answer names its own directory and project, and how they are known."""
        answer = await self.peer.call("get_working_directory", **self.handle)
        assert not answer.is_error, answer
        found = (answer.data["directory_source"], answer.data["directory"], answer.data["project"]["id"])
        assert found == (self.way, str(self.project.sub), self.project.id)


def setter(host: Host) -> str:
    """What the tool that sets a directory is called there."""
    return "workflow_set_working_directory" if host == "both" else "set_working_directory"


class Pairs:
    """Two stdio servers for each era and host, each started in the project of its client; cells share them."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._started: dict[tuple[Era, Host], list[tuple[Wire, Project, list[str]]]] = {}
        self._stack = ExitStack()

    def of(self, era: Era, host: Host) -> list[tuple[Wire, Project, list[str]]]:
        """The servers, the projects they were started in, and the roots their clients answer with."""
        if (era, host) not in self._started:
            self._started[era, host] = [self._start(era, host, number) for number in range(2)]
            for wire, _, _ in self._started[era, host]:
                wire.open()
        return self._started[era, host]

    def _start(self, era: Era, host: Host, number: int) -> tuple[Wire, Project, list[str]]:
        base = self._base / f"{era}-{host}-{number}"
        (base / "home").mkdir(parents=True)
        project, roots = Project(base / "project"), list[str]()
        project.make()
        command = ["-W", "error", *(["-m", "workflow_mcp"] if host == "direct" else [str(hosts.__file__), host])]
        wire = self._stack.enter_context(
            Wire(project.sub, environment(base / "home"), era, lambda: roots, command=command)
        )
        return wire, project, roots

    def close(self) -> None:
        """End them all, each as a process should."""
        self._stack.close()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    """The stdio servers that cells share."""
    started = Pairs(tmp_path_factory.mktemp("matrix"))
    yield started
    started.close()


@asynccontextmanager
async def two_clients(cell: Cell, base: Path, pairs: Pairs) -> AsyncIterator[list[Client]]:
    """The two clients of a cell, each in a project of its own."""
    era, transport, way, host = cell
    if transport == "stdio":
        clients = []
        for wire, started_in, roots in pairs.of(era, host):
            project = started_in if way == "process" else Project(base / uuid4().hex)
            if way != "process":
                project.make()
            roots[:] = [project.sub.as_uri()] if way == "roots" else []
            clients.append(Client(StdioPeer(wire), project, way, setter(host)))
        yield clients
        for wire, _, _ in pairs.of(era, host):
            if way == "session":
                wire.call(setter(host).replace("set_working_directory", "end_session"))
        return
    projects = [Project(base / name) for name in ("one", "two")]
    for project in projects:
        project.make()
    server = HOSTS[host](isolated_settings(base / "home", process_directory=str(projects[0].sub)))
    async with AsyncExitStack() as stack:
        url = "" if transport == "memory" else await stack.enter_async_context(served_app(server.http_app(path="/mcp")))

        async def connect(project: Project) -> Caller:
            def answer() -> Sequence[str]:
                return [project.sub.as_uri()]

            roots = answer if way == "roots" else None
            if transport == "memory":
                return await stack.enter_async_context(in_memory(server, era, roots))
            headers = (("X-Workflow-Directory", str(project.sub)),) if way == "header" else ()
            return await stack.enter_async_context(HttpClient(url, era, headers, roots))

        yield [Client(await connect(project), project, way, setter(host)) for project in projects]


async def interleave(cell: Cell, base: Path, pairs: Pairs, *, turns: int) -> None:
    """Both clients of a cell call in turn, and each answer names the project of who asked."""
    era, transport, _, _ = cell
    async with two_clients(cell, base, pairs) as clients:
        for client in clients:
            # In this process one launcher speaks for all clients of that era: only a handle tells two apart.
            await client.settle(new_session=(era, transport) == (MODERN, "memory"))
        for _ in range(turns):
            for client in clients:
                await client.check()
            for client in reversed(clients):
                await client.check()


def params() -> Iterator[Any]:
    """Every cell, those that cannot be with their reason."""
    for cell in CELLS:
        reason = impossible(cell)
        marks = () if reason is None else pytest.mark.skip(reason=f"no such cell: {reason}")
        yield pytest.param(cell, id="-".join(cell), marks=marks)


@pytest.mark.parametrize("cell", list(params()))
async def test_each_answer_names_its_own_project(cell: Cell, tmp_path: Path, pairs: Pairs) -> None:
    """Two clients in two projects, interleaved: each answer names the project of the client that asked."""
    await interleave(cell, tmp_path, pairs, turns=5)


@pytest.mark.soak
@pytest.mark.parametrize("cell", list(params()))
async def test_each_of_many_answers(cell: Cell, tmp_path: Path, pairs: Pairs) -> None:
    """The same, interleaved a hundred times."""
    await interleave(cell, tmp_path, pairs, turns=100)


def test_the_matrix_is_whole() -> None:
    """All 96 cells are there, and those that cannot be are exactly the ones listed here."""
    assert len(set(CELLS)) == len(CELLS) == 2 * 3 * 4 * 4
    left_out = {
        (transport, way, host) for _, transport, way, host in CELLS if impossible((MODERN, transport, way, host))
    }
    assert left_out == {
        *product(["stdio", "memory"], ["header"], get_args(Host)),
        *product(["http", "memory"], ["process"], get_args(Host)),
        *product(get_args(Transport), ["session"], ["own"]),
    }


@pytest.mark.parametrize("host", get_args(Host))
@pytest.mark.parametrize("transport", ["http", "memory"])
async def test_the_process_is_nobodys(transport: Transport, host: Host, tmp_path: Path, pairs: Pairs) -> None:
    """Where the cell `process` cannot be, the server's own directory, a project too, is indeed nobody's."""
    for era in ERAS:
        async with two_clients((era, transport, "process", host), tmp_path / era, pairs) as clients:
            for client in clients:
                data = (await client.peer.call("get_working_directory")).data
                assert (data["directory"], data["project"]) == (None, None)
