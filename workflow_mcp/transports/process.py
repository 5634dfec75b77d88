"""A serving process: its standard streams, its signals and its end.

Imports little, because it is used before anything slow is imported.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# Read before the slow imports, so that the death of the parent during them is noticed.
PARENT = os.getppid()
PARENT_CHECK_SECONDS = 0.5  # between looks at whether it is still there
CLEANUP_TIMEOUT = 1.2  # seconds that clean-up may take after the end of the input


def has_lost_its_parent() -> bool:
    """Whether the process that started this one has ended."""
    return os.getppid() != PARENT


def fill_standard_streams() -> None:
    """Open the null device for each standard stream that the launcher closed, so that no other file gets its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - it stays open until the process ends


def leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """The signal handler during start-up, when nothing needs cleaning up."""
    os._exit(0)


def on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Install `handler` for all signals that end a process."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        # Under `nohup` SIGHUP stays ignored.
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, handler)


def leave(code: int) -> NoReturn:
    """End the process, even if a thread hangs in a system call on a dead file system."""
    # While it ends, the interpreter restores the default handlers, with which another signal would kill it.
    on_signals(signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    if others:
        os._exit(code)
    sys.exit(code)
