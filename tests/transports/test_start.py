"""What every transport does at its start."""

from __future__ import annotations

import fastmcp
import pytest
from fastmcp.settings import Settings
from opentelemetry import trace

from workflow_mcp.transports.start import omit_unseen_spans


@pytest.mark.parametrize(
    ("provider", "chosen", "expected"),
    [
        pytest.param(trace.ProxyTracerProvider(), None, "propagation_only", id="nothing records"),
        pytest.param(trace.NoOpTracerProvider(), None, "native", id="a tracer is configured"),
        pytest.param(trace.ProxyTracerProvider(), "native", "native", id="native in the environment"),
        pytest.param(trace.ProxyTracerProvider(), "off", "off", id="off in the environment"),
    ],
)
def test_spans_that_nothing_records(
    monkeypatch: pytest.MonkeyPatch, provider: trace.TracerProvider, chosen: str | None, expected: str
) -> None:
    """FastMCP makes no spans where nothing records them; what the user configured stays."""
    if chosen is not None:
        monkeypatch.setenv("FASTMCP_TELEMETRY_MODE", chosen)
    monkeypatch.setattr(fastmcp, "settings", Settings())
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    omit_unseen_spans()
    assert fastmcp.settings.telemetry_mode == expected
