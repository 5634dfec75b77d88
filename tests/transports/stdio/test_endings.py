"""Every ending of a window, at each moment of its opening and whatever state its memo is in."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.memo import State, memo_for, put
from tests.clients.processes import SERVER
from tests.clients.stdio import PATIENCE, Wire, assert_pure, environment
from tests.process.test_endings import (
    HOSTS,
    SOON,
    as_claude_code_does,
    end_of_input,
    grandchild,
    wait_for_the_end_of_output,
)
from tests.support import posix_only
from tests.transports.stdio.conftest import open_whole
from tests.transports.stdio.test_opening import has_loaded, work_in

pytestmark = [
    posix_only,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process handles"),
]
STATES: tuple[State, ...] = ("none", "fresh", "broken")


def wait_until_it_handles_signals(pid: int) -> None:
    """Wait until a process has installed its handlers: before that, no program ends in order."""
    deadline, term = time.monotonic() + PATIENCE, 1 << 14
    while True:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        if int(status.partition("SigCgt:")[2].split()[0], 16) & term:
            return
        assert time.monotonic() < deadline, "it installs no handlers"
        os.sched_yield()


def nothing(_wire: Wire) -> None:
    """It has said nothing."""


def half_a_line(wire: Wire) -> None:
    """It is in the middle of its opening, and of a line."""
    wire.open()
    wire.write(b'{"jsonrpc":"2.0","id":7,"method":"tools/li')


def all_of_it(wire: Wire) -> None:
    """It has all its answers."""
    open_whole(wire)


@pytest.mark.parametrize("way", [end_of_input, as_claude_code_does])
@pytest.mark.parametrize("said", [nothing, half_a_line, all_of_it])
@pytest.mark.parametrize("state", STATES)
def test_ends_at_any_moment_of_an_opening(
    state: State, said: Callable[[Wire], None], way: Callable[[Wire], None], home: Path, answers: dict[str, bytes]
) -> None:
    """With code 0, at once, and with nothing on stdout but answers; without a word where no server was there to log."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    cwd = work_in(home)
    put(memo_for(cwd, env), answers, state)
    with Wire(cwd, env, "legacy", loaded=True) as wire:
        wait_until_it_handles_signals(wire.process.pid)
        said(wire)
        way(wire)
        assert wire.ended(SOON) == 0
        assert_pure(bytes(wire.out))
        assert "Traceback" not in wire.log
        if state == "fresh" and (said, way) != (half_a_line, end_of_input):
            assert wire.log == ""


@pytest.mark.parametrize("state", STATES)
def test_ends_when_its_parent_dies_before_anything_is_said(state: State, home: Path, answers: dict[str, bytes]) -> None:
    """No orphan stays behind, though somebody else keeps stdin open."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    put(memo_for(home, env), answers, state)
    with grandchild(home, *SERVER) as wire:
        wait_until_it_handles_signals(int(wire.log.split()[0]))
        wire.process.kill()
        wait_for_the_end_of_output(wire)
        assert has_loaded(wire) == (state == "none")


def test_ends_when_its_parent_dies_while_the_server_is_loaded(home: Path, answers: dict[str, bytes]) -> None:
    """A client that has its opening, and then asks for more, is missed all the same."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    put(memo_for(home, env, script=HOSTS[-1]), answers, "fresh")
    with grandchild(home, *HOSTS, "parent_dies_at_need") as wire:
        wire.open()
        assert wire.process.poll() is None, "the memo answered, and nothing was loaded"
        wire.send(wire.message("no/method"))
        wait_for_the_end_of_output(wire)
        assert has_loaded(wire)
