"""Serving over stdio with an input that the event loop reads by itself.

FastMCP reads stdin in a thread, and every message wakes it once more. Here the input is a pipe of
our own, see `stdio`, which the loop can wait for like for a socket.
"""

from __future__ import annotations

import asyncio
import os
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
                stdio_server(stdin=lines) as (read, write),
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
