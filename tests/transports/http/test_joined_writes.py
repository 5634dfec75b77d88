"""What is written in one turn of the event loop is sent at once; nothing is held longer, lost or kept unbounded."""

from __future__ import annotations

import asyncio
from typing import cast

from workflow_mcp.transports.http.joined_writes import MAX_HELD_BYTES, JoinedWrites


class Wire:
    """A transport that remembers what it was told."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False
        self.unread = 0

    def write(self, data: bytes) -> None:
        """See `asyncio.Transport`."""
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        """See `asyncio.Transport`."""
        self.closed = True

    def is_closing(self) -> bool:
        """See `asyncio.Transport`."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """See `asyncio.Transport`."""
        return self.unread


def joined_on(wire: Wire) -> JoinedWrites:
    """What the protocol writes to."""
    return JoinedWrites(cast("asyncio.Transport", wire))


async def test_a_turn_is_one_piece() -> None:
    """Head and body go together, what comes in the next turn goes then, and empty writes send nothing."""
    wire = Wire()
    joined = joined_on(wire)
    for piece in (b"head", b"body", b""):
        joined.write(piece)
    assert (wire.sent, joined.get_write_buffer_size()) == ([], 8)
    await asyncio.sleep(0)
    assert (wire.sent, joined.get_write_buffer_size()) == ([b"headbody"], 0)
    joined.write(b"")
    await asyncio.sleep(0)
    joined.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"headbody", b"event"]


async def test_closing_sends_what_is_held() -> None:
    """The last answer is whole; after the end nothing is sent."""
    wire = Wire()
    joined = joined_on(wire)
    joined.write(b"last")
    joined.close()
    assert (wire.sent, joined.is_closing()) == ([b"last"], True)
    joined.write(b"late")
    await asyncio.sleep(0)
    assert wire.sent == [b"last"]


async def test_what_is_held_is_bounded() -> None:
    """A producer that never waits fills the transport's buffer, which pauses it, and not ours."""
    wire = Wire()
    joined = joined_on(wire)
    for _ in range(5):
        joined.write(bytes(MAX_HELD_BYTES))
    assert sum(map(len, wire.sent)) >= 4 * MAX_HELD_BYTES
    await asyncio.sleep(0)
    assert sum(map(len, wire.sent)) == 5 * MAX_HELD_BYTES
    wire.unread = 7
    assert joined.get_write_buffer_size() == 7
