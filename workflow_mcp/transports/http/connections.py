"""The open connections: at most so many, and none that keeps the server waiting for ever."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 10
READ_TIMEOUT = 30

# A connection waits for its first request, another one, the rest of a request, our answer, or its client to read it.
Phase = Literal["new", "idle", "body", "answer", "reading"]
TIMEOUTS: dict[Phase, float] = {"new": HEAD_TIMEOUT, "idle": HEAD_TIMEOUT, "reading": READ_TIMEOUT}
CLOSED_FIRST: tuple[Phase, ...] = ("new", "idle", "body")


class Connection(H11Protocol):
    """A connection that `Connections` knows, and on which one request is served at a time.

    What a client sends before it was answered is dropped, and the connection closed after the answer: no MCP
    client does so, and uvicorn would keep all of it.
    """

    def __init__(self, *args: Any, known_to: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known_to = known_to
        self.resumed = 0

    @property
    def phase(self) -> Phase:
        """What it waits for."""
        if self.unread:
            return "reading"
        if self.cycle is None:
            return "new"
        if self.cycle.response_complete:
            return "idle"
        return "body" if self.cycle.more_body else "answer"

    @property
    def unread(self) -> int:
        """Bytes that the client's machine does not take."""
        return self.transport.get_write_buffer_size()

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._known_to.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._known_to.closed(self)
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
        self._known_to.answered(self)


@dataclass(slots=True)
class Seen:
    """What a connection was seen waiting for, and since when; seconds of the clock."""

    state: tuple[object, ...]
    since: float


class Connections:
    """Closes connections that wait too long, and when there are too many, one that is idle for longest.

    A connection without a whole head for 10 s, or whose client has read nothing of its answer for 30 s, is closed.
    An open stream of answers may stay open for ever.

    Args:
        maximum: how many may be open at once.
        clock: seconds that only go forward.
    """

    def __init__(self, *, maximum: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._maximum = maximum
        self._clock = clock
        # In the order in which they were opened or last answered.
        self._open: dict[Connection, Seen] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        """Note a new connection; one more than the maximum costs another one, or is closed itself."""
        if len(self._open) >= self._maximum:
            self._close(self._most_idle() or connection)
        if not connection.transport.is_closing():
            self._open[connection] = Seen(_state(connection), self._clock())

    def answered(self, connection: Connection) -> None:
        """Note that a connection is idle as of now."""
        if (seen := self._open.pop(connection, None)) is not None:
            self._open[connection] = seen

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def sweep(self) -> None:
        """Close what has waited too long since an earlier sweep saw it."""
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
    # A client that reads lets the bytes become fewer, or enough of them go for more to come.
    return connection.cycle, connection.phase, connection.unread, connection.resumed
