"""Every way a stdio server ends: soon, cleanly, and always."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.processes import SERVER
from tests.clients.protocol import MODERN, Era
from tests.clients.stdio import PATIENCE, Wire, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and process groups are POSIX's")

HOSTS = ("-W", "error", str(Path(__file__).with_name("hosts.py")))
SOON = 60.0  # seconds; a hang lasts for ever, so this only bounds the wait on a busy machine
CLEAN = "sessions are closed"


def end_of_input(wire: Wire) -> None:
    """The client closes its end."""
    wire.close_input()


def interrupted(wire: Wire) -> None:
    """Control-C."""
    wire.process.send_signal(signal.SIGINT)


def terminated(wire: Wire) -> None:
    """What a supervisor sends."""
    wire.process.send_signal(signal.SIGTERM)


def as_claude_code_does(wire: Wire) -> None:
    """SIGINT, and SIGTERM 0.1 s later, if it is still there."""
    wire.process.send_signal(signal.SIGINT)
    try:
        wire.process.wait(0.1)
    except subprocess.TimeoutExpired:
        wire.process.send_signal(signal.SIGTERM)


def both_at_once(wire: Wire) -> None:
    """SIGINT, SIGTERM and SIGHUP without a pause."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        wire.process.send_signal(number)


def again_and_again(wire: Wire) -> None:
    """SIGTERM for as long as it is there."""
    deadline = time.monotonic() + SOON
    while wire.process.poll() is None and time.monotonic() < deadline:
        wire.process.send_signal(signal.SIGTERM)
        os.sched_yield()


WAYS = [end_of_input, interrupted, terminated, as_claude_code_does, both_at_once, again_and_again]


@contextmanager
def server(
    home: Path, *command: str, era: Era = MODERN, silent: bool = False, anew: bool = False, **variables: str
) -> Iterator[Wire]:
    """A server that logs what it does; killed at the end if it should still be there."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO", **variables)
    wire = Wire(home, env, era, (lambda: None) if silent else None, command or SERVER, anew=anew)
    try:
        yield wire
    finally:
        wire.kill()


@pytest.mark.parametrize(
    ("era", "way"), [("legacy", way) for way in WAYS] + [(MODERN, way) for way in (end_of_input, as_claude_code_does)]
)
def test_ends_cleanly(way: Callable[[Wire], None], era: Era, tmp_path: Path) -> None:
    """An idle server ends with code 0 and its clean-up run, whichever way it is asked to."""
    with server(tmp_path, era=era, anew=era == MODERN) as wire:
        wire.open()
        way(wire)
        assert wire.ended(SOON) == 0
        assert CLEAN in wire.log
        assert "Traceback" not in wire.log


@pytest.mark.skipif(sys.platform != "linux", reason="looks for threads in /proc")
def test_ends_at_a_signal_that_does_not_wake_the_event_loop(tmp_path: Path) -> None:
    """A signal that another thread gets, or the main one just before it waits, is not lost until the next request."""
    with server(tmp_path) as wire:
        wire.open()
        main = wire.process.pid
        wait_until_asleep(main)
        other = max(int(thread.name) for thread in Path(f"/proc/{main}/task").iterdir())
        assert other != main
        assert ctypes.CDLL(None).tgkill(main, other, signal.SIGTERM) == 0
        assert wire.ended(SOON) == 0
        assert CLEAN in wire.log


def wait_until_asleep(pid: int) -> None:
    """Wait until the main thread of a process waits for something to happen."""
    deadline = time.monotonic() + SOON
    while "State:\tS" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.parametrize("way", [end_of_input, as_claude_code_does])
def test_ends_while_a_call_waits_for_the_client(way: Callable[[Wire], None], tmp_path: Path) -> None:
    """A call that waits for the client's roots does not keep the process."""
    with server(tmp_path, era="legacy", silent=True, WORKFLOW_MCP_ROOTS_TIMEOUT="300") as wire:
        wire.open()
        wire.send(wire.message("tools/call", {"name": "get_working_directory", "arguments": {}}))
        assert wire.receive()["method"] == "roots/list"
        way(wire)
        assert wire.ended(SOON) == 0
        assert CLEAN in wire.log


@pytest.mark.parametrize("way", [end_of_input, terminated])
def test_ends_while_a_file_system_hangs(way: Callable[[Wire], None], tmp_path: Path) -> None:
    """A thread that hangs in the file system does not keep the process, nor its clean-up from running."""
    with server(tmp_path, *HOSTS, "directories_hang", WORKFLOW_MCP_FILE_TIMEOUT="300") as wire:
        wire.open()
        wire.send(wire.message("tools/call", {"name": "set_working_directory", "arguments": {"directory": "/usr"}}))
        wire.wait_for_log("hanging")
        way(wire)
        assert wire.ended(SOON) == 0
        assert CLEAN in wire.log


@pytest.mark.parametrize("way", [end_of_input, terminated])
@pytest.mark.parametrize("what", ["store_hangs", "loop_hangs"])
def test_ends_whatever_hangs(what: str, way: Callable[[Wire], None], tmp_path: Path) -> None:
    """A session store or an event loop that hangs for good costs the clean-up, but leaves no orphan."""
    with server(tmp_path, *HOSTS, what, CLAUDE_CODE_SESSION_ID="x") as wire:
        wire.open()
        arguments = {"directory": str(tmp_path)}
        wire.send(wire.message("tools/call", {"name": "set_working_directory", "arguments": arguments}))
        wire.wait_for_log("hanging")
        way(wire)
        assert wire.ended(SOON) in (0, 1)


def unread(descriptor: int) -> int:
    """How many bytes wait in a pipe."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def wait_until_stuck(descriptor: int) -> None:
    """Wait until so much waits in a pipe that nobody reads that its writer cannot go on for long."""
    deadline = time.monotonic() + PATIENCE
    while unread(descriptor) < 32_768:
        assert time.monotonic() < deadline, "the server does not answer"
        os.sched_yield()


def test_ends_when_nobody_reads_its_answers(tmp_path: Path) -> None:
    """A client that has stopped reading, so that the server is stuck in a write, does not keep the process."""
    with subprocess.Popen(
        [sys.executable, *SERVER],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # An unknown method is told back whole, in one line that no pipe can hold.
            message = {"jsonrpc": "2.0", "id": 1, "method": "x" * 2_000_000}
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            wait_until_stuck(process.stdout.fileno())
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON) in (0, 1)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_during_start_up(number: signal.Signals, tmp_path: Path) -> None:
    """A signal while FastMCP is being imported ends the process with code 0 and without a word."""
    with server(tmp_path, *HOSTS, "signalled", anew=True, SIGNAL_DURING_IMPORT=str(int(number))) as wire:
        assert wire.ended(SOON) == 0
        assert (bytes(wire.out), bytes(wire.err)) == (b"", b"")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed(closed: str, tmp_path: Path) -> None:
    """A stdin that is closed from the start is an end of input; other closed streams are done without."""
    command = f"exec '{sys.executable}' -m workflow_mcp {closed}"
    done = subprocess.run(
        ["sh", "-c", command],
        check=False,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


SPAWN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, *sys.argv[1:]])
print(child.pid, file=sys.stderr, flush=True)
child.wait()
"""


@contextmanager
def grandchild(home: Path, *command: str) -> Iterator[Wire]:
    """A server below another process; this test holds the other ends of its streams."""
    with server(home, "-c", SPAWN, *command) as wire:
        wire.wait_for_log("\n")
        server_id = int(wire.log.split()[0])
        try:
            yield wire
        except BaseException:
            os.kill(server_id, signal.SIGKILL)
            raise


def wait_for_the_end_of_output(wire: Wire) -> None:
    """Wait until no process holds the other ends of stdout and stderr any more."""
    for reader in wire._readers:
        reader.join(SOON)
        assert not reader.is_alive(), "the server has outlived its parent"


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """When the parent is killed with -9 while somebody else keeps stdin open, the server cleans up and ends."""
    with grandchild(tmp_path, *SERVER) as wire:
        wire.open()
        wire.process.kill()
        wait_for_the_end_of_output(wire)
        assert CLEAN in wire.log


def test_ends_when_its_parent_dies_during_start_up(tmp_path: Path) -> None:
    """A parent that was gone before the server was up is missed all the same."""
    with grandchild(tmp_path, *HOSTS, "parent_dies") as wire:
        wait_for_the_end_of_output(wire)
        assert CLEAN in wire.log
