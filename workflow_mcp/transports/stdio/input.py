"""Standard input, read by the event loop; a signal or the death of the parent process ends it.

When its input ends, the server cleans up and stops. A thread watches the parent and the end, because the
event loop may hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, cast

import anyio

from workflow_mcp.transports.process import CLEANUP_TIMEOUT, PARENT_CHECK_SECONDS, has_lost_its_parent
from workflow_mcp.transports.surrogates import as_read

CHUNK = 65_536
MAX_LINE_BYTES = 2**30


class StandardInput:
    """Standard input, taken over: what a tool or a child process reads there is nothing, not the protocol.

    Args:
        received: what has been read of it already.
    """

    def __init__(self, received: bytes = b"") -> None:
        self._received = received
        self._source, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._ended, self._end = os.pipe()
        os.set_blocking(self._end, False)

    def watch(self) -> None:
        """End the input at a signal that has a handler, and when the parent process dies.

        Exits with code 1 if clean-up takes over `CLEANUP_TIMEOUT`, as it does when the client reads no more answers, or
        a file system hangs.
        """
        # A handler runs when the main thread runs next. A signal that comes just before the event loop waits, or to
        # another thread, does not end that wait.
        signal.set_wakeup_fd(self._end, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="stdin-watch", daemon=True).start()

    def end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End the input; may be called from a signal handler, and more than once."""
        with contextlib.suppress(OSError):
            os.write(self._end, b"x")

    @asynccontextmanager
    async def lines(self, *asked: Callable[[bytes], None]) -> AsyncIterator[anyio.AsyncFile[str]]:
        """The lines up to the end; each of `asked` is told each line before it is given out."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=MAX_LINE_BYTES)
        reader.feed_data(self._received)

        def stop() -> None:
            loop.remove_reader(self._source)
            loop.remove_reader(self._ended)
            reader.feed_eof()

        loop.add_reader(self._ended, stop)
        try:
            loop.add_reader(self._source, self._feed, reader)
        except PermissionError:  # epoll(7) does not support regular files; reading one does not block
            while self._feed(reader):
                pass
        try:
            yield cast("anyio.AsyncFile[str]", _decoded(reader, asked))
        finally:
            stop()

    def _feed(self, reader: asyncio.StreamReader) -> bool:
        # Not by making it non-blocking: that would change it for a shell that shares it.
        try:
            chunk = os.read(self._source, CHUNK)
        except OSError:
            chunk = b""
        if chunk:
            reader.feed_data(chunk)
        else:
            self.end()
        return bool(chunk)

    def _watch(self) -> None:
        events = select.poll()
        events.register(self._ended, select.POLLIN)
        events.register(self._source, 0)  # reports only that the client closed it
        while not events.poll(PARENT_CHECK_SECONDS * 1000):
            if has_lost_its_parent():
                self.end()
        leave_for_good()


async def _decoded(reader: asyncio.StreamReader, asked: Sequence[Callable[[bytes], None]]) -> AsyncIterator[Any]:
    while line := await reader.readline():
        for tell in asked:
            tell(line)
        yield as_read(line)


def leave_for_good() -> None:
    """Wait for the time that clean-up may take, and end the process if it is still running."""
    time.sleep(CLEANUP_TIMEOUT)
    os._exit(1)
