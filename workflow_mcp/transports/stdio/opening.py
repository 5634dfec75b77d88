"""The opening: a client is answered from the memo until it asks for something that only the real server can answer.

Loading that server takes 0.7 s and 80 MB, and most windows never call it. So it is loaded when it is
needed, and then told all that has been said. Standard library only, as `memo`.
"""

from __future__ import annotations

import os
import select
import stat

from workflow_mcp.transports.process import CLEANUP_TIMEOUT, PARENT_CHECK_SECONDS, has_lost_its_parent, leave
from workflow_mcp.transports.stdio.memo import MAX_BYTES, Memo, digest

CHUNK = 65_536
MAX_LINES = 64


class Opening:
    """What has been said so far.

    Attributes:
        memo: where the answers are from, and where the real server's go.
        received: every byte that the client has sent.
        given: the answers that the client has been given, by the names they have in the memo.
    """

    def __init__(self, memo: Memo | None) -> None:
        self.memo = memo
        self.received = bytearray()
        self.given: dict[str, bytes] = {}

    def answer(self) -> None:
        """Answer from the memo for as long as that can be done; ends the process when the client leaves."""
        if self.memo is None or not self.memo.is_there() or not all(map(_is_stream, (0, 1))):
            return
        start, asked = 0, digest()
        while len(self.given) < MAX_LINES:
            end = self._end_of_line(start)
            asked.update(self.received[start:end])
            start, key = end, asked.hexdigest()
            answer = self.memo.get(key)
            if answer is None:
                return
            self.given[key] = answer
            _write(answer)

    def forget(self) -> None:
        """Drop the memo: what wrote it does not start any more, so no client should be told that it does."""
        if self.memo is not None:
            self.memo.drop()

    def _end_of_line(self, start: int) -> int:
        # The last line is one also without an end, as it is for the real server.
        while not (end := self.received.find(b"\n", start) + 1) and len(self.received) - start < MAX_BYTES:
            chunk = _read()
            if not chunk and len(self.received) == start:
                leave(0)
            if not chunk:
                break
            self.received += chunk
        return end or len(self.received)


def _is_stream(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _read() -> bytes:
    """What the client sends next; nothing when it has left, or our parent has died."""
    events = select.poll()
    events.register(0, select.POLLIN)
    try:
        return os.read(0, CHUNK) if _wait(events) else b""
    except OSError:
        return b""


def _write(answer: bytes) -> None:
    """Write an answer; ends the process when the client has left without reading it."""
    rest, both, out = memoryview(answer), select.poll(), select.poll()
    for events, number, event in ((both, 1, select.POLLOUT), (both, 0, 0), (out, 1, select.POLLOUT)):
        events.register(number, event)
    while rest:
        if 1 not in _wait(both) and not out.poll(CLEANUP_TIMEOUT * 1000):
            os._exit(1)
        try:
            # So much is taken without waiting by every stream that is said to be ready.
            rest = rest[os.write(1, rest[: select.PIPE_BUF]) :]
        except OSError:
            leave(0)


def _wait(events: select.poll) -> list[int]:
    """The descriptors that something has happened to; none when our parent has died."""
    while not (ready := events.poll(PARENT_CHECK_SECONDS * 1000)):
        if has_lost_its_parent():
            break
    return [number for number, _event in ready]
