"""Serving over stdio with input and output in the event loop.

FastMCP reads and writes in threads, which takes longer than the rest of a call.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import cast

import anyio
from fastmcp import FastMCP
from fastmcp.server.context import reset_transport, set_transport
from mcp.server.stdio import stdio_server

from workflow_mcp.server.compat import lowlevel_server, running_lifespan
from workflow_mcp.transports.stdio.input import StandardInput
from workflow_mcp.transports.stdio.need import Need
from workflow_mcp.transports.stdio.record import Record


async def run_on_stdio(server: FastMCP, stdin: StandardInput, record: Record, need: Need) -> None:
    """Like `FastMCP.run_stdio_async`, with our input and output: serve until the input ends, and clean up.

    The input also ends when the client can no longer receive answers.
    """
    lowlevel = lowlevel_server(server)
    token = set_transport("stdio")
    try:
        with _standard_output(stdin.end, record.answered) as text:
            async with (
                running_lifespan(server),
                stdin.lines(need.asked, record.asked) as lines,
                stdio_server(stdin=lines, stdout=text) as (read, write),
            ):
                await lowlevel.run(read, write, lowlevel.create_initialization_options())
    finally:
        record.close()
        reset_transport(token)


class _OutputStream:
    """The stream that the SDK writes answers to; a write waits until the client has read enough.

    Args:
        number: the descriptor to wait for.
        send: writes as much as it can without blocking, and returns the number of bytes.
        closed: called when the client has closed its end.
        answered: is told each line; says what is to be written in its place.
    """

    def __init__(
        self,
        number: int,
        send: Callable[[memoryview], int],
        closed: Callable[[], None],
        answered: Callable[[str], str],
    ) -> None:
        self._number = number
        self._send = send
        self._closed = closed
        self._answered = answered

    async def write(self, text: str) -> None:
        rest = memoryview(self._answered(text).encode())
        while rest:
            try:
                rest = rest[self._send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._number)
            except ConnectionError as error:
                self._closed()
                raise anyio.ClosedResourceError from error

    async def flush(self) -> None:
        """Does nothing: writes are not buffered."""


@contextmanager
def _standard_output(
    closed: Callable[[], None], answered: Callable[[str], str]
) -> Iterator[anyio.AsyncFile[str] | None]:
    # Not by making stdout non-blocking: that would change it for a shell that shares it.
    mode, text = os.fstat(1).st_mode, None
    with ExitStack() as opened:
        if stat.S_ISSOCK(mode):
            out = opened.enter_context(socket.socket(fileno=os.dup(1)))
            text = _OutputStream(out.fileno(), lambda data: out.send(data, socket.MSG_DONTWAIT), closed, answered)
        elif stat.S_ISFIFO(mode):
            number, write = _reopened()
            opened.callback(os.close, number)
            text = _OutputStream(number, partial(write, number), closed, answered)
        if text is not None:
            # Tools and child processes that print must not write into the protocol.
            os.dup2(2, 1)
        yield cast("anyio.AsyncFile[str] | None", text)


def _reopened() -> tuple[int, Callable[[int, memoryview], int]]:
    try:
        return os.open("/proc/self/fd/1", os.O_WRONLY | os.O_NONBLOCK), os.write
    except OSError:  # no Linux, or somebody else's pipe
        return os.dup(1), _write_portion


def _write_portion(number: int, data: memoryview) -> int:
    if not select.select([], [number], [], 0)[1]:
        raise BlockingIOError
    # So much is taken without waiting by every pipe that is said to be ready.
    return os.write(number, data[: select.PIPE_BUF])
