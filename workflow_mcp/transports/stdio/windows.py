"""Standard input on Windows, where the event loop cannot wait for it.

FastMCP reads it there in a thread that cannot be interrupted. So another thread copies it into a pipe that
replaces descriptor 0; a signal or the death of the parent closes the pipe.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import FrameType

from workflow_mcp.transports.process import PARENT_CHECK_SECONDS, has_lost_its_parent
from workflow_mcp.transports.stdio.input import CHUNK, leave_for_good


class PipedInput:
    """Copies standard input into a pipe that replaces descriptor 0, and can close that pipe at any time."""

    def __init__(self) -> None:
        self._source = os.dup(0)
        read_end, self._sink = os.pipe()
        os.dup2(read_end, 0)
        os.close(read_end)
        self._closing = threading.Lock()

    def watch(self) -> None:
        """Begin to copy, and watch as `StandardInput.watch` does."""
        for work in (self._copy, self._watch):
            threading.Thread(target=work, name="stdin-watch", daemon=True).start()

    def end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """See `StandardInput.end`."""
        if self._closing.acquire(blocking=False):
            os.close(self._sink)

    def _copy(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._source, CHUNK):
                os.write(self._sink, chunk)
        self.end()

    def _watch(self) -> None:
        while not has_lost_its_parent() and not self._closing.locked():
            time.sleep(PARENT_CHECK_SECONDS)
        self.end()
        leave_for_good()
