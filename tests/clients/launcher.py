"""A program `workflow-mcp` for others to start, which the fork server then is: that saves a second of each start."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.clients.processes import PATIENCE, fork

# The folder of the program as it is installed.
INSTALLED = Path(sys.executable).parent
NAME = "workflow-mcp"
STREAMS = 3
MAX_READ = 2**20
SCRIPT = """\
#!{python} -IS
import json, os, signal, socket, sys

told = socket.socket(socket.AF_UNIX)
told.connect({path!r})
request = {{"command": ["-m", "workflow_mcp", *sys.argv[1:]], "cwd": os.getcwd(), "env": dict(os.environ)}}
socket.send_fds(told, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
for stream in (0, 1, 2):
    os.close(stream)
lines = told.makefile()
pid = int(lines.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda sent, _frame: os.kill(pid, sent))
os._exit(int(lines.readline()) % 256)
"""


class _Launch(socketserver.BaseRequestHandler):
    """One process of the program: it has the streams of who asked, and ends no later."""

    def handle(self) -> None:
        """Start it, and tell its id and then its exit code."""
        text, streams, *_ = socket.recv_fds(self.request, MAX_READ, STREAMS)
        while text and not text.endswith(b"\n"):
            text += self.request.recv(MAX_READ)
        try:
            request = json.loads(text)
            forked = fork(request["command"], cwd=Path(request["cwd"]), env=request["env"], streams=streams)
        finally:
            for descriptor in streams:
                os.close(descriptor)
        self._tell(forked.pid)
        ready, _, _ = select.select([forked, self.request], [], [])
        if forked not in ready:
            forked.kill()
        self._tell(forked.wait(PATIENCE))

    def _tell(self, number: int) -> None:
        # Who asked may have been killed.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.request.sendall(f"{number}\n".encode())


@contextlib.contextmanager
def forking() -> Iterator[Path]:
    """A folder with a program `workflow-mcp`; where there are no forks, the one that is installed."""
    if os.name != "posix":
        yield INSTALLED
        return
    # The name of a socket may have hardly 100 bytes.
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        path, script = Path(folder) / "socket", Path(folder) / NAME
        script.write_text(SCRIPT.format(python=sys.executable, path=str(path)))
        script.chmod(0o755)
        with socketserver.ThreadingUnixStreamServer(str(path), _Launch) as server:
            serving = threading.Thread(target=server.serve_forever)
            serving.start()
            try:
                yield Path(folder)
            finally:
                server.shutdown()
                serving.join()
