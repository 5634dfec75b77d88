"""Sessions of handshake-era clients: bounded in number and in idle time, because most clients go without a word."""

from __future__ import annotations

import math

from mcp.server.streamable_http import StreamableHTTPServerTransport
from starlette.applications import Starlette

from workflow_mcp.server.compat import legacy_sessions

MAX_SESSIONS = 1_000
MAX_IDLE = 30 * 60.0


class LegacySessions:
    """Ends what is most idle of the sessions beyond the maximum; never one with a request or a stream open.

    The id of an ended session gets 404, upon which a client initializes anew (Streamable HTTP, Session Management).

    Args:
        app: FastMCP's.
        path: where its endpoint is.
    """

    def __init__(self, app: Starlette, path: str, *, maximum: int = MAX_SESSIONS) -> None:
        self._app = app
        self._path = path
        self._maximum = maximum

    def limit(self) -> None:
        """End the surplus."""
        sessions = legacy_sessions(self._app, self._path)
        surplus = len(sessions) - self._maximum
        if surplus > 0:
            for session in sorted(sessions.values(), key=_idle_until)[:surplus]:
                if session.idle_scope is not None and _idle_until(session) < math.inf:
                    session.idle_scope.cancel()


def _idle_until(session: StreamableHTTPServerTransport) -> float:
    return math.inf if session.idle_scope is None else session.idle_scope.deadline
