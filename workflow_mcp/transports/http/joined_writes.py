"""A transport for answers: what is written in one turn of the event loop is sent as one piece."""

from __future__ import annotations

import asyncio
from typing import Any

MAX_HELD_BYTES = 64 * 2**10


class JoinedWrites:
    """Wraps a transport. The head of an answer and its body are written one after the other: one system call less.

    Args:
        transport: what sends; it is asked for all that is not defined here.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = bytearray()

    def write(self, data: bytes) -> None:
        """Send it when this turn ends; much is sent at once, so that a client that does not read is noticed."""
        if data and not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._held += data
        if len(self._held) > MAX_HELD_BYTES:
            self._flush()

    def close(self) -> None:
        """See `asyncio.Transport`."""
        self._flush()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """See `asyncio.Transport`."""
        return len(self._held) + self._transport.get_write_buffer_size()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(bytes(self._held))
        self._held.clear()
