"""Serving over stdio with an input and an output that the event loop waits for by itself.

FastMCP reads and writes in threads, which costs a call more than all else that is done for it.
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
from fastmcp.utilities.logging import temporary_log_level
from mcp.server.stdio import stdio_server

from workflow_mcp.server.compat import lowlevel_server, running_lifespan
from workflow_mcp.transports.stdio.input import StandardInput
from workflow_mcp.transports.stdio.record import Record


async def run_on_stdio(server: FastMCP, stdin: StandardInput, record: Record, *, log_level: str) -> None:
    """What `FastMCP.run_stdio_async` does, but for who reads and writes: until the input ends, clean-up included.

    A client that is not there to be answered any more is an end of input too.
    """
    lowlevel = lowlevel_server(server)
    token = set_transport("stdio")
    try:
        with temporary_log_level(log_level), _text_to_stdout(stdin.end, record.answered) as text:
            async with (
                running_lifespan(server),
                stdin.lines(record.asked) as lines,
                stdio_server(stdin=lines, stdout=text) as (read, write),
            ):
                await lowlevel.run(read, write, lowlevel.create_initialization_options())
    finally:
        record.close()
        reset_transport(token)


class _Text:
    """What the SDK writes its answers to, one after the other; waits where the client reads none.

    Args:
        number: the descriptor to wait for.
        send: writes what there is room for, without waiting; says how much that was.
        closed: called when the client is gone.
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
        """Nothing is held back."""


@contextmanager
def _text_to_stdout(
    closed: Callable[[], None], answered: Callable[[str], str]
) -> Iterator[anyio.AsyncFile[str] | None]:
    # Never by making stdout non-blocking: a shell or a log that shares it would find it so.
    mode, text = os.fstat(1).st_mode, None
    with ExitStack() as opened:
        if stat.S_ISSOCK(mode):
            out = opened.enter_context(socket.socket(fileno=os.dup(1)))
            text = _Text(out.fileno(), lambda data: out.send(data, socket.MSG_DONTWAIT), closed, answered)
        elif stat.S_ISFIFO(mode):
            number, write = _opened_anew()
            opened.callback(os.close, number)
            text = _Text(number, partial(write, number), closed, answered)
        if text is not None:
            # What a tool or a child process prints must go to the log, not into the protocol.
            os.dup2(2, 1)
        yield cast("anyio.AsyncFile[str] | None", text)


def _opened_anew() -> tuple[int, Callable[[int, memoryview], int]]:
    try:
        return os.open("/proc/self/fd/1", os.O_WRONLY | os.O_NONBLOCK), os.write
    except OSError:  # no Linux, or somebody else's pipe
        return os.dup(1), _write_portion


def _write_portion(number: int, data: memoryview) -> int:
    if not select.select([], [number], [], 0)[1]:
        raise BlockingIOError
    # So much is taken without waiting by every pipe that is said to be ready.
    return os.write(number, data[: select.PIPE_BUF])
