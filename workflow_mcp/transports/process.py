"""Manners of a serving process: standard streams that are there, signals, and a way out that nothing holds up.

Light to import: it must be in force before anything slow is imported.
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
# Asked before the slow imports: a parent that dies during them has been replaced by the time they are done.
PARENT = os.getppid()
PARENT_CHECK_SECONDS = 0.5  # between looks at whether it is still there
CLEANUP_TIMEOUT = 1.2  # seconds that clean-up may take after the end of the input


def fill_standard_streams() -> None:
    """Put the null device where the launcher left a standard stream closed, before another file takes its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - it stays for good


def leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """The answer to a signal while nothing has been started that would need cleaning up."""
    os._exit(0)


def on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Install `handler` for every signal that asks a process to end."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        # `nohup` has it ignored, and means that.
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, handler)


def leave(code: int) -> NoReturn:
    """End the process, also when a thread hangs in a system call that a dead file system never answers."""
    # The interpreter puts every other handler back before it ends: one more signal would then be its death.
    on_signals(signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    if others:
        os._exit(code)
    sys.exit(code)
