"""Serving over stdio with an input and an output that the event loop waits for by itself.

FastMCP reads and writes in threads, which costs a call more than all else that is done for it. Here the
input is a pipe of our own, see `stdio`, which the loop can wait for like for a socket, and so mostly is
the output.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
from fastmcp import FastMCP
from fastmcp.server.context import reset_transport, set_transport
from fastmcp.utilities.logging import temporary_log_level
from mcp.server.stdio import stdio_server

LONGEST_LINE = 2**30


async def run_on_stdio(server: FastMCP, *, log_level: str) -> None:
    """What `FastMCP.run_stdio_async` does, but for who reads the input: until that ends, clean-up included."""
    if sys.platform == "win32":
        await server.run_stdio_async(show_banner=False, log_level=log_level)
        return
    lowlevel = server._mcp_server  # noqa: SLF001 - FastMCP offers no other way to hand it an input
    token = set_transport("stdio")
    try:
        with temporary_log_level(log_level):
            async with (
                server._lifespan_manager(),  # noqa: SLF001 - see above
                _lines_of_stdin() as lines,
                _text_to_stdout() as text,
                stdio_server(stdin=lines, stdout=text) as (read, write),
            ):
                await lowlevel.run(read, write, lowlevel.create_initialization_options())
    finally:
        reset_transport(token)


@asynccontextmanager
async def _lines_of_stdin() -> AsyncIterator[anyio.AsyncFile[str]]:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    pipe = os.fdopen(_taken_stdin(), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield cast("anyio.AsyncFile[str]", _decoded(reader))
    finally:
        transport.close()


def _taken_stdin() -> int:
    # What a tool or a child process reads from stdin must be nothing, not the protocol.
    taken, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken


async def _decoded(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    while line := await reader.readline():
        yield line.decode("utf-8", errors="replace")


class _Text:
    """What the SDK writes its answers to; without a limit, but it lets only so much of it wait for the client."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def flush(self) -> None:
        await self._writer.drain()


@asynccontextmanager
async def _text_to_stdout() -> AsyncIterator[anyio.AsyncFile[str] | None]:
    if not _can_be_waited_for():
        yield None
        return
    loop, taken = asyncio.get_running_loop(), _taken_stdout()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(taken, "wb", buffering=0))
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        yield cast("anyio.AsyncFile[str]", _Text(writer))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _can_be_waited_for() -> bool:
    # Waiting makes it non-blocking for all who share it: a terminal, or a log that goes to the same pipe.
    out = os.fstat(1)
    return (stat.S_ISFIFO(out.st_mode) or stat.S_ISSOCK(out.st_mode)) and not os.path.samestat(out, os.fstat(2))


def _taken_stdout() -> int:
    # What a tool or a child process prints must go to the log, not into the protocol.
    taken = os.dup(1)
    os.dup2(2, 1)
    return taken
