"""Clients of both eras over both transports; processes are shared, sessions are not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.clients.peers import Connect, Peer, StdioPeer, Transport, in_memory, isolated_settings
from tests.clients.stdio import ERAS, Era, Roots, Wire, environment
from workflow_mcp import build_server

KINDS: list[tuple[Era, Transport]] = [(era, transport) for era in ERAS for transport in ("stdio", "memory")]


class Processes:
    """Real servers that many tests share, started when first needed.

    Those for clients with roots allow only directories inside `base`.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._wires: dict[tuple[Era, bool], Wire] = {}
        self._roots: Roots = tuple

    def wire(self, era: Era, roots: Roots | None = None) -> Wire:
        """The process for that kind of client, with nothing set for its session."""
        key = (era, roots is not None)
        if roots is not None:
            self._roots = roots
        if key not in self._wires:
            self._wires[key] = self._start(era, rooted=roots is not None)
        wire = self._wires[key]
        wire.asked = 0
        wire.call("end_session")
        return wire

    def _start(self, era: Era, *, rooted: bool) -> Wire:
        home = self.base / f"home-{era}-{rooted}"
        home.mkdir()

        def answer() -> Sequence[str] | None:
            return self._roots()

        limits = {"WORKFLOW_MCP_ALLOWED_ROOTS": str(self.base), "WORKFLOW_MCP_ROOTS_TIMEOUT": "0.3"} if rooted else {}
        wire = Wire(Path("/"), environment(home, **limits), era, answer if rooted else None)
        wire.open()
        return wire

    def close(self) -> None:
        """End them all; each must end as a process should."""
        for wire in self._wires.values():
            with wire:
                wire.end()


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """The processes that tests share."""
    started = Processes(tmp_path_factory.mktemp("shared"))
    yield started
    started.close()


@pytest.fixture
def base(processes: Processes, request: pytest.FixtureRequest) -> Path:
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
def connect(processes: Processes, kind: tuple[Era, Transport], tmp_path: Path) -> Connect:
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
