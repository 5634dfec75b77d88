"""Processes of the program; where there are forks, a fork server starts them, which saves most of their start."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

TOP = Path(__file__).parents[2]
SERVER = ("-W", "error", "-m", "workflow_mcp")
# What copies find imported; where tests are measured they import it, or its lines would not count. Not `transports`
# and `cli`: what is imported at the entrance stays tested.
IMPORTED = ("workflow_mcp.server.build", "workflow_mcp.storage.migrate", "workflow_mcp.storage.sqlite.store")
LOADED = "tests.clients.loaded"
PATIENCE = 120.0  # seconds that a wait may take before it counts as a hang
Done = subprocess.CompletedProcess[str]
_STARTING = threading.Lock()


class Forked:
    """What `subprocess.Popen` is for a process that the fork server started, as far as tests need it.

    Args:
        control: the fork server's socket.
        command: `-m` and a module or a script, and its arguments.
        cwd: where the process starts.
        env: its whole environment.
        streams: the descriptors that become its standard streams.
    """

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def __init__(
        self, control: socket.socket, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], streams: list[int]
    ) -> None:
        self.returncode: int | None = None
        request = {"command": [*command], "cwd": str(cwd), "env": dict(env)}
        self._told, theirs = socket.socketpair()
        with theirs, _STARTING:
            text = json.dumps(request).encode() + b"\n"
            sent = socket.send_fds(control, [text], [*streams, theirs.fileno()])
            control.sendall(text[sent:])
            self._told.settimeout(PATIENCE)
            self._lines = self._told.makefile("rb")
            self.pid = int(self._lines.readline())

    @classmethod
    def on_pipes(cls, control: socket.socket, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Forked:
        """A process whose three standard streams are pipes."""
        (stdin, into), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        try:
            forked = cls(control, command, cwd=cwd, env=env, streams=[stdin, stdout, stderr])
        finally:
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
        forked.stdin, forked.stdout, forked.stderr = os.fdopen(into, "wb"), os.fdopen(out, "rb"), os.fdopen(err, "rb")
        return forked

    def fileno(self) -> int:
        """The descriptor that becomes readable when it has ended."""
        return self._told.fileno()

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended; negative is the number of the signal that ended it."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                line = self._told.recv(100)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0) from None
            assert line, "the fork server has ended"
            self.returncode = int(line)
            self._lines.close()
            self._told.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            # The fork server may have seen its end already, and not told yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = Forked | subprocess.Popen[bytes]


class _Server:
    """A fork server of this process, started when it is first needed.

    Args:
        modules: what it imports beside the program's dependencies.
    """

    def __init__(self, *modules: str) -> None:
        self.control, theirs = socket.socketpair()
        env = {"PATH": os.defpath, "HOME": os.devnull}
        command = [sys.executable, "-W", "error", "-m", "tests.clients.forkserver", str(theirs.fileno()), *modules]
        pipe = subprocess.PIPE
        with theirs:
            self.process = subprocess.Popen(
                command, cwd=TOP, env=env, pass_fds=[theirs.fileno()], stdin=pipe, stdout=pipe
            )

    def close(self) -> None:
        """End it; it must end well."""
        self.control.close()
        with self.process:
            assert self.process.wait(PATIENCE) == 0


_servers: dict[tuple[str, ...], _Server] = {}


def _control(*modules: str) -> socket.socket:
    """Where a fork server is asked, which has imported these modules too."""
    # Two threads would start one each.
    with _STARTING:
        if modules not in _servers:
            _servers[modules] = _Server(*modules)
        return _servers[modules].control


def _usual_control() -> socket.socket:
    return _control(*(() if "COVERAGE_PROCESS_START" in os.environ else IMPORTED))


@contextlib.contextmanager
def fork_servers() -> Iterator[None]:
    """Ends the fork servers that were started."""
    yield
    while _servers:
        _servers.popitem()[1].close()


def start_server(*, cwd: Path, env: Mapping[str, str], streams: list[int], anew: bool = False) -> Process:
    """Start a server over stdio that is there at once: what it imports was imported before it was asked for.

    Args:
        cwd: where it starts.
        env: its whole environment.
        streams: the descriptors that become its standard streams.
        anew: start an interpreter for it all the same.
    """
    if not anew:
        return Forked(_control(LOADED), SERVER[2:], cwd=cwd, env=env, streams=streams)
    named: Any = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
    return subprocess.Popen([sys.executable, *SERVER], cwd=cwd, env=dict(env), **named)


def fork(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], streams: list[int]) -> Forked:
    """Let the fork server start a process; see `Forked`."""
    return Forked(_usual_control(), command, cwd=cwd, env=env, streams=streams)


def start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], anew: bool = False, loaded: bool = False
) -> Process:
    """Start a Python process on three pipes.

    Args:
        command: what follows the interpreter; the fork server does it when that is `-W error` and a module or a script.
        cwd: where it starts.
        env: its whole environment.
        anew: do without the fork server.
        loaded: use the one that has imported the program, too.
    """
    if not anew and (rest := _forked(command)) is not None:
        return Forked.on_pipes(_control(LOADED) if loaded else _usual_control(), rest, cwd=cwd, env=env)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], cwd=cwd, env=dict(env), stdin=pipe, stdout=pipe, stderr=pipe)


def _forked(command: Sequence[str]) -> Sequence[str] | None:
    """What follows `-W error`, where the fork server does it: a module or a script."""
    if os.name != "posix" or tuple(command[:2]) != SERVER[:2]:
        return None
    return command[2:] if command[2] == "-m" or command[2].endswith(".py") else None


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], given: str | None = None) -> Done:
    """Run `workflow-mcp` to its end; warnings are errors.

    Args:
        arguments: its arguments.
        cwd: where it starts.
        env: its whole environment.
        given: what it reads from stdin.
    """
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="")) for _ in range(3)]
        files[0].write(given or "")
        files[0].seek(0)
        code = _run(arguments, cwd=cwd, env=env, streams=[file.fileno() for file in files])
        for file in files:
            file.seek(0)
        return Done([*arguments], code, files[1].read(), files[2].read())


def _run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], streams: list[int]) -> int:
    if os.name == "posix":
        forked = fork([*SERVER[2:], *arguments], cwd=cwd, env=env, streams=streams)
        try:
            return forked.wait(PATIENCE)
        finally:
            forked.kill()
    named: Any = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
    command = [sys.executable, *SERVER, *arguments]
    return subprocess.run(command, cwd=cwd, env=dict(env), timeout=PATIENCE, check=False, **named).returncode
