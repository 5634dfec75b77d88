"""Servers over stdio that many tests share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.clients.protocol import Era, Roots
from tests.clients.stdio import Wire, environment


class SharedProcesses:
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

        limits = {"WORKFLOW_MCP_ALLOWED_ROOTS": str(self.base), "WORKFLOW_MCP_ROOTS_TIMEOUT": "60"} if rooted else {}
        wire = Wire(Path("/"), environment(home, **limits), era, answer if rooted else None)
        wire.open()
        return wire

    def close(self) -> None:
        """End them all; each must end as a process should."""
        for wire in self._wires.values():
            with wire:
                wire.end()
