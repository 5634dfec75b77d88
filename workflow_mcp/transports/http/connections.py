"""The open connections: bounded in number, and closed when their client makes no progress."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from workflow_mcp.transports.http.joined_writes import JoinedWrites

CONNECTION = "workflow_mcp.connection"
HEAD_TIMEOUT = 10
READ_TIMEOUT = 30

# A connection waits for its first request, the next one, the rest of a request, our answer, or the client to read it.
Phase = Literal["new", "idle", "body", "answer", "reading"]
TIMEOUTS: dict[Phase, float] = {"new": HEAD_TIMEOUT, "idle": HEAD_TIMEOUT, "reading": READ_TIMEOUT}
CLOSED_FIRST: tuple[Phase, ...] = ("new", "idle", "body")


class Connection(H11Protocol):
    """A connection that is tracked by `Connections` and serves one request at a time.

    When a client sends another request before the answer, that request is dropped, and the connection is closed
    after the answer. No MCP client does so, and uvicorn would keep all of it in memory.
    """

    def __init__(self, *args: Any, connections: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections
        self.app = self._named_in_scope(self.app)
        self.resumed = 0

    def _named_in_scope(self, app: ASGIApp) -> ASGIApp:
        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, CONNECTION: self}, receive, send)

        return with_connection

    @property
    def phase(self) -> Phase:
        """What the connection waits for."""
        if self.unread:
            return "reading"
        if self.cycle is None:
            return "new"
        if self.cycle.response_complete:
            return "idle"
        return "body" if self.cycle.more_body else "answer"

    @property
    def unread(self) -> int:
        """Bytes that could not be sent yet because the client does not read."""
        return self.transport.get_write_buffer_size()

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport)))
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        too_early = self._owes_answer
        if not too_early:
            super().data_received(data)
        if too_early or (self._owes_answer and self.conn.trailing_data[0]):
            self.cycle.keep_alive = False

    @property
    def _owes_answer(self) -> bool:
        return not (self.cycle is None or self.cycle.more_body or self.cycle.response_complete)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.resumed += 1
        super().resume_writing()

    def on_response_complete(self) -> None:
        """See `H11Protocol`."""
        super().on_response_complete()
        self._connections.answered(self)


def is_closed(scope: Scope) -> bool:
    """Whether the connection of a request has been closed, by its client or by the server."""
    return CONNECTION in scope and bool(scope[CONNECTION].transport.is_closing())


@dataclass(slots=True)
class Observed:
    """The state of a connection, and since when it has been in it, in seconds of the clock."""

    state: tuple[object, ...]
    since: float


class Connections:
    """Closes connections that wait too long and, when there are too many, the one that is idle for longest.

    A connection is closed when the head of a request has not arrived for 10 s, or its client has read nothing of
    its answer for 30 s. An open stream of answers has no time limit.

    Args:
        maximum: maximum number of open connections.
        clock: monotonic seconds.
    """

    def __init__(self, *, maximum: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._maximum = maximum
        self._clock = clock
        # In the order in which they were opened or last answered.
        self._open: dict[Connection, Observed] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        """Add a new connection; beyond the maximum, the most idle one or else the new one is closed."""
        if len(self._open) >= self._maximum:
            self._close(self._most_idle() or connection)
        if not connection.transport.is_closing():
            self._open[connection] = Observed(_state(connection), self._clock())

    def answered(self, connection: Connection) -> None:
        """Move a connection to the end of the order, because it has just become idle."""
        if (seen := self._open.pop(connection, None)) is not None:
            self._open[connection] = seen

    def closed(self, connection: Connection) -> None:
        """Remove a connection."""
        self._open.pop(connection, None)

    def sweep(self) -> None:
        """Close the connections whose state has not changed for longer than its time limit."""
        now = self._clock()
        for connection, seen in list(self._open.items()):
            state = _state(connection)
            if state != seen.state:
                seen.state, seen.since = state, now
            elif now - seen.since >= TIMEOUTS.get(connection.phase, math.inf):
                self._close(connection)

    def _most_idle(self) -> Connection | None:
        return next((one for phase in CLOSED_FIRST for one in self._open if one.phase == phase), None)

    def _close(self, connection: Connection) -> None:
        self.closed(connection)
        connection.transport.abort()


def _state(connection: Connection) -> tuple[object, ...]:
    # While a client reads, the number of unsent bytes falls, or writing is resumed.
    return connection.cycle, connection.phase, connection.unread, connection.resumed
