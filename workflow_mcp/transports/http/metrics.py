"""`GET /metrics`: figures about the server in the text format of Prometheus. None of them names a project or a path."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from contextlib import contextmanager

from fastmcp import FastMCP
from fastmcp.server.auth import AuthProvider
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workflow_mcp import __version__
from workflow_mcp.app import Services
from workflow_mcp.storage.observed import Access

METRICS_PATH = "/metrics"
UNKNOWN_TOOL = "unknown"
# Seconds; a call that waits for an item takes up to a minute.
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


class Metrics:
    """The figures of one server; an `Observer`.

    Args:
        connections: the open connections, which are counted when the figures are read.
    """

    def __init__(self, connections: Sized) -> None:
        from workflow_mcp.server.catalog import TOOL_NAMES

        self._tools = TOOL_NAMES
        self._registry = CollectorRegistry()
        self._connections = connections
        self._services: Services | None = None
        ProcessCollector(registry=self._registry)
        self._calls = Counter(
            "workflow_mcp_calls", "Calls of tools, by outcome.", ("tool", "outcome"), registry=self._registry
        )
        self._call_seconds = Histogram(
            "workflow_mcp_call_seconds",
            "How long calls of tools took.",
            ("tool",),
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._store_seconds = Histogram(
            "workflow_mcp_store_seconds",
            "How long transactions of the store took, with the wait for a free thread and connection.",
            ("access",),
            buckets=STORE_BUCKETS,
            registry=self._registry,
        )
        self._storing = Gauge(
            "workflow_mcp_store_transactions",
            "Transactions of the store that run, or wait for a connection of the pool.",
            registry=self._registry,
        )
        self._sessions = Gauge("workflow_mcp_sessions", "Sessions; NaN while nobody can tell.", registry=self._registry)
        self._open = Gauge("workflow_mcp_connections", "Open HTTP connections.", registry=self._registry)
        Info("workflow_mcp", "The server.", registry=self._registry).info({"version": __version__})

    def opened(self, services: Services) -> None:
        """See `Observer`."""
        self._services = services

    def called(self, tool: str, outcome: str, seconds: float) -> None:
        """See `Observer`; all tools that do not exist are counted as one, because each name is a series."""
        known = tool if tool in self._tools else UNKNOWN_TOOL
        self._calls.labels(known, outcome).inc()
        self._call_seconds.labels(known).observe(seconds)

    @contextmanager
    def storing(self, access: Access) -> Iterator[None]:
        """See `Observer`."""
        with self._storing.track_inprogress(), self._store_seconds.labels(access).time():
            yield

    async def text(self) -> bytes:
        """All figures, in the text format 0.0.4."""
        self._open.set(len(self._connections))
        if self._services is not None:
            count = await self._services.session_count()
            self._sessions.set(math.nan if count is None else count)
        return generate_latest(self._registry)


def add_metrics(server: FastMCP, metrics: Metrics, *, auth: AuthProvider | None) -> None:
    """Add `GET /metrics` to a server; with `auth`, for those alone who send a token that it accepts."""

    @server.custom_route(METRICS_PATH, methods=["GET"])
    async def read(request: Request) -> Response:
        if auth is not None and not await _has_token(request, auth):
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": "Bearer"})
        return Response(await metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def _has_token(request: Request, auth: AuthProvider) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and await auth.verify_token(token) is not None
