"""Processes of the fork server for tests that are coroutines."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import IO

from tests.clients.processes import TOP, Process, start


class Worker:
    """What `asyncio.subprocess.Process` is, as far as tests need it; somebody has to wait for its end."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._pipes: list[asyncio.BaseTransport] = []
        self.stdout, self.stderr = asyncio.StreamReader(), asyncio.StreamReader()

    @classmethod
    async def start(cls, *command: str | Path) -> Worker:
        """Start a module or a script: what follows `python -W error`."""
        process = start(["-W", "error", *map(str, command)], cwd=TOP, env={"PATH": os.environ["PATH"]})
        worker = cls(process)
        await worker._connect(process.stdin, process.stdout, process.stderr)
        return worker

    async def _connect(self, stdin: IO[bytes] | None, stdout: IO[bytes] | None, stderr: IO[bytes] | None) -> None:
        loop = asyncio.get_running_loop()
        self.stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, stdin)
        self._pipes.append(self.stdin)
        for stream, pipe in ((self.stdout, stdout), (self.stderr, stderr)):
            reading, _ = await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, stream), pipe)
            self._pipes.append(reading)

    @property
    def returncode(self) -> int | None:
        """The exit code, if it has ended."""
        return self._process.poll()

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        code = await asyncio.to_thread(self._process.wait)
        for pipe in self._pipes:
            pipe.close()
        return code

    async def communicate(self, given: bytes | None = None) -> tuple[bytes, bytes]:
        """Write this and end its input; all that it writes from now on, once it has ended."""
        if given is not None:
            self.stdin.write(given)
        self.stdin.close()
        written = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return written[0], written[1]
