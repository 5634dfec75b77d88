"""The input of a process on stdio, which can be ended from inside.

FastMCP leaves by its ordinary path, clean-up included, when its input ends; a signal or the parent's
death would skip that path, or never be noticed while a thread sits in `read`. So a daemon thread
stands between the real stdin and fd 0, and ends that input when the client, a signal or the parent
says so.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from types import FrameType

from workflow_mcp.transports.process import PARENT

PARENT_CHECK = 0.5
GRACE = 1.2
CHUNK = 65_536


class InputPump:
    """Carries the real stdin into a pipe that stands in as fd 0, and can end that input at any time."""

    def __init__(self) -> None:
        self._source = os.dup(0)
        read_end, self._sink = os.pipe()
        self._wake, self._waker = os.pipe()
        os.dup2(read_end, 0)
        os.close(read_end)
        os.set_blocking(self._sink, False)

    def start(self) -> None:
        """Begin to carry, in a daemon thread, so that a blocked read never keeps the process.

        A process that is still there `GRACE` seconds after its input ended is ended with code 1: its client
        reads no more answers, or a file system hangs.
        """
        threading.Thread(target=self._serve, name="stdin-pump", daemon=True).start()

    def end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End the input; may be called from a signal handler, and more than once."""
        with contextlib.suppress(OSError):
            os.write(self._waker, b"x")

    def _serve(self) -> None:
        self._carry()
        leave_for_good()

    def _carry(self) -> None:
        pending = b""
        try:
            while self._parent_lives():
                readers, writers = [self._wake] + ([] if pending else [self._source]), [self._sink] if pending else []
                readable, _, _ = select.select(readers, writers, [], PARENT_CHECK)
                if self._wake in readable:
                    return
                if self._source in readable and not (pending := os.read(self._source, CHUNK)):
                    return
                # Tried at once: there is nearly always room, and asking first would double the cost of a message.
                with contextlib.suppress(BlockingIOError):
                    pending = pending[os.write(self._sink, pending) :] if pending else b""
        except OSError:
            return  # the server has closed its end, or stdin was closed under us: both are an end of input
        finally:
            os.close(self._sink)

    def _parent_lives(self) -> bool:
        return os.getppid() == PARENT


class BlockingPump(InputPump):
    """The same where pipes cannot be selected on (Windows): the parent is watched by a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        os.set_blocking(self._sink, True)
        self._closing = threading.Lock()

    def start(self) -> None:
        """See `InputPump.start`."""
        super().start()
        threading.Thread(target=self._watch_parent, name="parent-watch", daemon=True).start()

    def end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """See `InputPump.end`."""
        if self._closing.acquire(blocking=False):
            os.close(self._sink)

    def _carry(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._source, CHUNK):
                os.write(self._sink, chunk)
        self.end()

    def _watch_parent(self) -> None:
        while self._parent_lives() and not self._closing.locked():
            time.sleep(PARENT_CHECK)
        self.end()
        leave_for_good()


def leave_for_good() -> None:
    """End the process when nothing else does, after the time its clean-up may take."""
    time.sleep(GRACE)
    os._exit(1)


def open_pump() -> InputPump:
    """The pump for this platform, in place of stdin and ready to start."""
    return BlockingPump() if sys.platform == "win32" else InputPump()
