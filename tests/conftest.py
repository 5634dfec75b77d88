"""What every test starts from: an environment that says nothing about this machine; and clients of every kind."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

from tests.clients.agents import PROJECT, Agent, agent_on, make_project
from tests.clients.claude_code import BINARY, ClaudeCode, ClaudeCodeWithPlugin
from tests.clients.databases import Database
from tests.clients.launcher import forking
from tests.clients.peers import Connect, Peer, StdioPeer, Transport, in_memory, isolated_settings
from tests.clients.postgresql import Server, running_server
from tests.clients.processes import fork_servers
from tests.clients.protocol import ERAS, Era, Roots
from tests.clients.served import Served, serving
from tests.clients.shared import SharedProcesses
from workflow_mcp import build_server

NOT_OURS = ("WORKFLOW_MCP_", "CLAUDE_", "FASTMCP_", "PLUGIN_")
# How long an example takes, or making one, depends on the machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
KINDS: list[tuple[Era, Transport]] = [(era, transport) for era in ERAS for transport in ("stdio", "memory")]


def pytest_xdist_auto_num_workers() -> int:
    """A worker more than there are processors: a third of the time of a test of processes is waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable of the person who runs the tests reaches them, and what they do is remembered nowhere."""
    for name in list(os.environ):
        if name.startswith(NOT_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(scope="session", autouse=True)
def checked_schemas() -> Iterator[None]:
    """Each client of the SDK checks the output schemas that it meets, which takes 10 ms; here each is checked once."""
    check = Draft202012Validator.check_schema
    once = cache(lambda schema: check(json.loads(schema)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Draft202012Validator, "check_schema", staticmethod(lambda schema: once(json.dumps(schema))))
        yield


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """The processes that start others end when the tests do."""
    with fork_servers():
        yield


@pytest.fixture(scope="session")
def forking_program(forks: None) -> Iterator[Path]:
    """The folder of a `workflow-mcp` that others can start, and that starts at once."""
    with forking() as folder:
        yield folder


@pytest.fixture
def claude(tmp_path: Path, forking_program: Path) -> ClaudeCode:
    """Claude Code with a home of its own."""
    home = tmp_path / "claude-home"
    home.mkdir()
    return ClaudeCode(BINARY, home, forking_program)


@pytest.fixture
def plugged(tmp_path: Path, forking_program: Path) -> ClaudeCodeWithPlugin:
    """Claude Code with our plugin and a home of its own."""
    home = tmp_path / "claude-home"
    home.mkdir()
    return ClaudeCodeWithPlugin(BINARY, home, forking_program)


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedProcesses]:
    """The processes that tests share."""
    started = SharedProcesses(tmp_path_factory.mktemp("shared"))
    yield started
    started.close()


@pytest.fixture
def base(processes: SharedProcesses, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own that the shared processes allow."""
    folder = processes.base / f"{abs(hash(request.node.nodeid)):x}"
    folder.mkdir()
    return folder


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both eras, one after the other."""
    value: Era = request.param
    return value


@pytest.fixture(params=KINDS, ids="-".join)
def kind(request: pytest.FixtureRequest) -> tuple[Era, Transport]:
    """Every era on every transport."""
    value: tuple[Era, Transport] = request.param
    return value


@pytest.fixture
def connect(processes: SharedProcesses, kind: tuple[Era, Transport], tmp_path: Path) -> Connect:
    """Connects a client of this kind, which declares roots if it is given some; no directory is known for it."""
    era, transport = kind

    @asynccontextmanager
    async def connecting(roots: Roots | None = None) -> AsyncIterator[Peer]:
        if transport == "stdio":
            yield StdioPeer(processes.wire(era, roots))
        else:
            limits = {} if roots is None else {"allowed_roots": str(processes.base)}
            async with in_memory(build_server(isolated_settings(tmp_path, **limits)), era, roots) as peer:
                yield peer

    return connecting


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server, one for all tests of a worker."""
    with running_server() as server:
        yield server


@pytest.fixture
def database(postgresql: Server) -> Database:
    """An empty database with the store's tables; the next test clears it."""
    postgresql.shared.clear()
    return postgresql.shared


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The process that tests share which change nothing about it."""
    with serving(tmp_path_factory.mktemp("shared-http")) as served:
        yield served


@pytest.fixture
def url(shared: Served) -> str:
    """Where the shared server is."""
    return shared.url


@pytest.fixture
async def agent(era: Era, tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent in memory, at work in the project `codebase-mcp`."""
    async with agent_on(tmp_path, make_project(tmp_path, PROJECT), era=era) as at_work:
        yield at_work
