"""Handshake-era sessions: bounded in number and idle time, because most clients do not end theirs."""

from __future__ import annotations

import math

from mcp.server.streamable_http import StreamableHTTPServerTransport
from starlette.applications import Starlette

from workflow_mcp.server.compat import legacy_sessions

MAX_SESSIONS = 1_000
MAX_IDLE = 30 * 60.0


class LegacySessions:
    """Ends the most idle sessions beyond a maximum; never one with an open request or stream.

    Requests of an ended session get 404, after which a client initializes again (Streamable HTTP, Session Management).

    Args:
        app: FastMCP's app.
        path: the path of its endpoint.
        maximum: maximum number of sessions.
    """

    def __init__(self, app: Starlette, path: str, *, maximum: int = MAX_SESSIONS) -> None:
        self._app = app
        self._path = path
        self._maximum = maximum

    def limit(self) -> None:
        """End the sessions beyond the maximum."""
        sessions = legacy_sessions(self._app, self._path)
        surplus = len(sessions) - self._maximum
        if surplus > 0:
            for session in sorted(sessions.values(), key=_idle_until)[:surplus]:
                if session.idle_scope is not None and _idle_until(session) < math.inf:
                    session.idle_scope.cancel()


def _idle_until(session: StreamableHTTPServerTransport) -> float:
    return math.inf if session.idle_scope is None else session.idle_scope.deadline
