"""A process that has imported what the program depends on, and starts the program as copies of itself.

    python -m tests.clients.forkserver SOCKET [MODULE ...]

Importing takes most of the program's start. Modules of the program that are not named, and not imported by those that
are, are imported by every copy, as `python -W error -m workflow_mcp` does. Nothing else of the tests is imported, for
what is imported here every copy has imported.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from typing import Any

# Coverage too, for where tests are measured every copy is.
PRELOADED = (
    "alembic.command", "alembic.operations.toimpl", "alembic.runtime.migration", "anyio._backends._asyncio",
    "coverage", "cyclopts", "fastmcp.apps", "fastmcp.server.middleware", "fastmcp.server.server",
    "fastmcp.server.sessions", "filelock", "key_value.aio.stores.filetree", "markdown_it", "opentelemetry.trace",
    "platformdirs.unix", "prometheus_client", "psycopg", "pydantic.v1.types", "rich.table", "sqlite3",
    "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite.pysqlite",
    "starlette.middleware.authentication", "uvicorn.lifespan.on", "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)  # fmt: skip
CLEARED = {"__main__", "builtins", "sys", "tests", "workflow_mcp"}
STREAMS = 3
MAX_READ = 2**20
Message = dict[str, Any]


class ForkServer:
    """Starts a process for each request on a socket, and says on the request's own socket how it ended.

    Args:
        control: where requests come from; when its other end is closed, this process ends.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._woken, self._wake = socket.socketpair()
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> Message | None:
        """Serve until nobody asks any more, and give None; or give the request, in the process that is to do it."""
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            for readable in (self._control, self._woken):
                selector.register(readable, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._woken.recv(4096)
                    self._tell_endings()
                if self._control in ready:
                    text, descriptors = self._receive()
                    if not text or self._start(descriptors):
                        return dict(json.loads(text)) if text else None

    def close(self) -> None:
        """Close all sockets."""
        for one in (self._control, self._woken, self._wake, *self._running.values()):
            one.close()

    def _receive(self) -> tuple[bytes, list[int]]:
        text, descriptors, *_ = socket.recv_fds(self._control, MAX_READ, STREAMS + 1)
        while text and not text.endswith(b"\n"):
            text += self._control.recv(MAX_READ)
        return text, descriptors

    def _start(self, descriptors: list[int]) -> bool:
        """Whether this is the new process."""
        told = socket.socket(fileno=descriptors[STREAMS])
        pid = os.fork()
        self._running[pid] = told
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in range(STREAMS):
                os.dup2(descriptors[number], number)
        else:
            told.sendall(f"{pid}\n".encode())
        for descriptor in descriptors[:STREAMS]:
            os.close(descriptor)
        return pid == 0

    def _tell_endings(self) -> None:
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._running.pop(pid) as told, contextlib.suppress(BrokenPipeError):
                    told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def become(request: Message) -> None:
    """Be the process that was asked for, as if it had been started anew."""
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    if encoding := os.environ.get("PYTHONIOENCODING"):
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.reconfigure(encoding=encoding)  # type: ignore[union-attr]  # they are text streams
    if "COVERAGE_PROCESS_START" in os.environ:
        importlib.import_module("coverage").process_startup()
    if process := sys.modules.get("workflow_mcp.transports.process"):
        process.PARENT = os.getppid()  # type: ignore[attr-defined]  # it was that of the original
    match request["command"]:
        case ["-m", name, *arguments]:
            sys.path[0], sys.argv[1:] = request["cwd"], arguments
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        case [script, *arguments]:
            sys.path[0], sys.argv[:] = os.path.dirname(script), [script, *arguments]
            runpy.run_path(script, run_name="__main__")


def leave_as_it_is() -> None:
    """Let the end of a copy not clear the modules of others: that would write to, so copy, all of their memory."""
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] not in CLEARED}
    for name in kept:
        del sys.modules[name]
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def main() -> None:
    """Serve on the socket whose number is the first argument; the others are modules."""
    atexit.register(leave_as_it_is)  # the first is the last to run
    for name in (*PRELOADED, *sys.argv[2:]):
        importlib.import_module(name)
    gc.freeze()
    server = ForkServer(socket.socket(fileno=int(sys.argv[1])))
    request = server.serve()
    server.close()
    if request is not None:
        become(request)


if __name__ == "__main__":
    main()
