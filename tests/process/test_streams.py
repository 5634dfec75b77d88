"""A server answers on whatever its launcher gave it for stdin and stdout, and to clients that read late or never."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.processes import SERVER
from tests.clients.protocol import LEGACY, Message, request_message
from tests.clients.stdio import PATIENCE, environment
from tests.process.test_endings import CLEAN, SOON, wait_until_stuck

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sockets and terminals as stdio are POSIX's")


# What the server gets as stdin, stdout and stderr, and the ends that a client writes to and reads from.
Streams = tuple[int, int, int, int, int]
Kind = Callable[[Path], Streams]


def data(*messages: Message) -> bytes:
    """Messages as lines."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def asking(number: int, method: str = "ping", params: Message | None = None) -> Message:
    """A request of the older protocol."""
    return request_message(number, method, params, era="legacy", client={})


OPENING: list[Message] = [
    asking(
        0,
        "initialize",
        {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "streams", "version": "1"}},
    ),
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


def sockets() -> tuple[int, int]:
    """Two ends of a socket."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def one_socket(_folder: Path) -> Streams:
    """One socket for both, as inetd and ssh servers give it."""
    ours, theirs = sockets()
    return theirs, theirs, subprocess.DEVNULL, ours, ours


def two_sockets(_folder: Path) -> Streams:
    """A socket each, as Node gives them."""
    (into, stdin), (out, stdout) = sockets(), sockets()
    return stdin, stdout, subprocess.DEVNULL, into, out


def one_pipe_with_stderr(_folder: Path) -> Streams:
    """A pipe that carries the log as well: `2>&1`."""
    (stdin, into), (out, stdout) = os.pipe(), os.pipe()
    return stdin, stdout, stdout, into, out


def a_terminal(_folder: Path) -> Streams:
    """A terminal for both, as for somebody who tries it by hand."""
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return theirs, theirs, subprocess.DEVNULL, ours, ours


def a_file(folder: Path) -> Streams:
    """A file that is read as it grows."""
    stdin, into = os.pipe()
    stdout = os.open(folder / "out", os.O_CREAT | os.O_WRONLY)
    return stdin, stdout, subprocess.DEVNULL, into, os.open(folder / "out", os.O_RDONLY)


@contextmanager
def server(folder: Path, streams: Streams) -> Iterator[subprocess.Popen[bytes]]:
    """A server on these streams; its ends are its own, and the client's are closed with it."""
    stdin, stdout, stderr, into, out = streams
    env = environment(folder, WORKFLOW_MCP_LOG_LEVEL="INFO")
    with subprocess.Popen(
        [sys.executable, *SERVER], cwd=folder, env=env, stdin=stdin, stdout=stdout, stderr=stderr
    ) as process:
        close(stdin, stdout)
        try:
            yield process
        finally:
            process.kill()
            close(into, out)


def close(*descriptors: int) -> None:
    """Close them, each once."""
    for one in set(descriptors):
        os.close(one)


def messages_from(out: int, count: int) -> list[dict[str, Any]]:
    """So many messages, from a stream or a file that grows; lines of a log may stand between them."""
    deadline, text, lines = time.monotonic() + PATIENCE, b"", list[bytes]()
    while len(lines) < count:
        assert time.monotonic() < deadline, f"{len(text)} bytes arrived: {text[:500]!r}"
        if select.select([out], [], [], 1)[0]:
            text += os.read(out, 65_536)
        lines = [line for line in text.splitlines(keepends=True) if line.startswith(b"{") and line.endswith(b"\n")]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("kind", [one_socket, two_sockets, one_pipe_with_stderr, a_terminal, a_file])
def test_answers_on_any_streams(kind: Kind, tmp_path: Path) -> None:
    """Requests are answered in order, also those that come when the server has been idle."""
    streams = kind(tmp_path)
    *_, into, out = streams
    shared = os.dup(streams[1])
    with server(tmp_path, streams) as process:
        os.write(into, data(*OPENING, asking(1)))
        assert [message["id"] for message in messages_from(out, 2)] == [0, 1]
        os.write(into, data(asking(2), asking(3, "tools/list")))
        assert [message["id"] for message in messages_from(out, 2)] == [2, 3]
        assert os.get_blocking(shared), "who shares the server's stdout can write to it as before"
        os.close(shared)
        process.terminate()
        assert process.wait(SOON) == 0


def test_a_client_that_reads_late_gets_every_byte(tmp_path: Path) -> None:
    """Answers that no pipe can hold wait for their reader, whole and in order."""
    (stdin, into), (out, stdout) = os.pipe(), os.pipe()
    requests = [asking(number, "tools/list") for number in range(1, 41)]
    with server(tmp_path, (stdin, stdout, subprocess.DEVNULL, into, out)):
        os.write(into, data(*OPENING))
        writer = threading.Thread(target=os.write, args=(into, data(*requests)))
        writer.start()
        wait_until_stuck(out)
        _, *answers = messages_from(out, 1 + len(requests))
        writer.join(PATIENCE)
    assert [answer["id"] for answer in answers] == [request["id"] for request in requests]
    assert all(answer["result"] == answers[0]["result"] for answer in answers)


def test_a_client_that_is_gone_is_an_end_of_input(tmp_path: Path) -> None:
    """Nobody is left to be answered: the server ends as it always does, though its stdin stays open."""
    (stdin, into), (out, stdout) = os.pipe(), os.pipe()
    with server(tmp_path, (stdin, stdout, subprocess.PIPE, into, out)) as process:
        os.write(into, data(*OPENING))
        assert messages_from(out, 1)[0]["id"] == 0
        os.dup2(into, out)  # closes its only reader
        os.write(into, data(*(asking(number, "tools/list") for number in (1, 2))))
        assert process.wait(SOON) == 0
        assert process.stderr is not None
        log = process.stderr.read().decode()
    assert CLEAN in log
    assert "Traceback" not in log


def test_requests_from_a_file(tmp_path: Path) -> None:
    """Standard input may be a file: the server reads it and ends with it. (The SDK drops what is unanswered then.)"""
    requests = tmp_path / "requests"
    requests.write_bytes(data(*OPENING))
    with requests.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, *SERVER],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdin=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [0]


CARRIED = """
import sys
from workflow_mcp.transports.process import leave, on_signals
from workflow_mcp.transports.stdio.windows import PipedInput
stdin = PipedInput()
on_signals(stdin.end)
stdin.watch()
for line in sys.stdin:
    print(line, end="", flush=True)
leave(0)
"""


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_an_input_that_a_thread_carries(number: signal.Signals | None) -> None:
    """Where the event loop cannot wait for the input, its end and a signal end what is read from it all the same."""
    command = [sys.executable, "-c", CARRIED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"one\n"
        if number is None:
            process.stdin.close()
        else:
            process.send_signal(number)
        assert process.wait(SOON) == 0
