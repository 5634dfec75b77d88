"""Real servers that need not be loaded: a process that has built one makes a copy of itself for each.

    python -m tests.transports.stdio.copies CHANNEL CWD

A copy goes the whole way of `workflow-mcp` from there, on streams of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import anyio

from tests.clients.stdio import PATIENCE
from workflow_mcp.__main__ import main
from workflow_mcp.server.build import build_server
from workflow_mcp.settings import load_settings
from workflow_mcp.transports import process
from workflow_mcp.transports.stdio import input as inputs
from workflow_mcp.transports.stdio import opening

STREAMS = 3


class Copies:
    """Starts copies."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def start(self, env: Mapping[str, str], *streams: int) -> None:
        """Start a server on these streams, which are its own from then on.

        Args:
            env: its environment; the settings in it are those that the copies were made with.
            streams: stdin, stdout and stderr.
        """
        socket.send_fds(self._channel, [json.dumps(env).encode()], streams)
        for stream in streams:
            os.close(stream)

    def exit_code(self) -> int:
        """The exit code of a server that was started, once one has ended."""
        return self._channel.recv(1)[0]


@contextmanager
def copies(cwd: Path, env: Mapping[str, str]) -> Iterator[Copies]:
    """Starts copies of a server that is started in a directory, with this environment."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-W", "error", "-m", __name__, str(theirs.fileno()), str(cwd)]
    here = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=here, env=dict(env), pass_fds=[theirs.fileno()]) as host, ours:
        theirs.close()
        ours.settimeout(PATIENCE)
        try:
            yield Copies(ours)
        except BaseException:
            host.kill()
            raise


def build_beforehand() -> None:
    """Build a server, so that all is there that every copy builds its own from."""
    anyio.run(build_server(load_settings()).list_tools)


def run_as_a_server(env: Mapping[str, str], streams: list[int]) -> NoReturn:
    """Be what the command is when it starts."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[1:] = []
    for module in (process, opening, inputs):
        setattr(module, "PARENT", os.getppid())  # noqa: B010 - mypy minds another module's name
    try:
        main()
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    raise AssertionError("a server ends its process")


def make_copy(channel: socket.socket, env: Mapping[str, str], streams: list[int]) -> None:
    """Make one in a process that waits for it, and sends its exit code."""
    if os.fork():
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        channel.close()
        run_as_a_server(env, streams)
    for stream in streams:
        os.close(stream)
    channel.send(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255]))
    os._exit(0)


def make_copies(channel: socket.socket) -> None:
    """Make one for each that is asked for, until nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, streams, _flags, _address = socket.recv_fds(channel, 65_536, STREAMS)
        if not asked:
            break
        make_copy(channel, json.loads(asked), streams)
        for stream in streams:
            os.close(stream)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        os.chdir(sys.argv[2])
        build_beforehand()
        make_copies(channel)
