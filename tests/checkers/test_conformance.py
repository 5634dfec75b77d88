"""The MCP conformance suite over HTTP, for both requirement sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkers.node import needs_checkers, run
from tests.clients.served import serving

pytestmark = needs_checkers


@pytest.mark.parametrize("requirements", ["2025-11-25", "2026-07-28"])
def test_conformance(tmp_path: Path, requirements: str) -> None:
    """Everything the revision requires holds, but for what only the suite's own fixtures have; that list is exact."""
    baseline = Path(__file__).with_name(f"conformance-{requirements}.yml")
    with serving(tmp_path / "server") as served:
        done = run(
            "@modelcontextprotocol/conformance",
            *("server", "--url", served.url, "--requirements", requirements, "--expected-failures", str(baseline)),
            home=tmp_path,
        )
        assert "Traceback" not in served.log
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ dns-rebinding-protection" in done.stdout, "it ran"
