"""A client of our own: JSON-RPC lines to a real server process, without any SDK.

It records every byte of both streams, speaks both eras, and waits for nothing longer than `PATIENCE`.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.clients.processes import SERVER, start
from tests.clients.protocol import MODERN, Answer, Conversation, Era, Message, Roots, answer_of, needs_input, result_of

PATIENCE = 90.0


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A clean environment: nothing of the caller's but what finding Python and measuring coverage takes."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_") or name == "SYSTEMROOT"}
    return {
        **kept,
        "PATH": os.defpath,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "WORKFLOW_MCP_DATA_DIR": str(home / "data"),
        **variables,
    }


@dataclass
class Wire(Conversation):
    """One server process and the lines that go to and from it.

    Args:
        cwd: where the process starts.
        env: its whole environment.
        era: which protocol `call` and its like speak.
        roots: answers `roots/list` (None: not at all); without it the client declares no roots.
        command: what follows the Python interpreter; warnings are errors unless it says otherwise.
        anew: start an interpreter for it, because its start is what is tested; see `processes`.
        loaded: start a copy that has imported everything, because its start is not what is tested.
        asked: how often the server asked for the roots.
        out: every byte of stdout so far.
        err: every byte of stderr so far.
    """

    cwd: Path
    env: Mapping[str, str]
    era: Era = MODERN
    roots: Roots | None = None
    command: Sequence[str] = SERVER
    anew: bool = False
    loaded: bool = False
    asked: int = 0
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._logged = threading.Condition()
        self._log_ended = False
        self.process = start(self.command, cwd=self.cwd, env=self.env, anew=self.anew, loaded=self.loaded)
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if error is None and self.process.poll() is None:
                self.end()
        finally:
            self.kill()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.out += line
            self._lines.put(line)
        self._lines.put(None)

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._logged:
                self.err += line
                self._logged.notify_all()
        with self._logged:
            self._log_ended = True
            self._logged.notify_all()

    def kill(self) -> None:
        """End the process as `kill -9` does, unless it has ended, and close its streams."""
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue

    @property
    def log(self) -> str:
        """What the process has written to stderr so far."""
        return self.err.decode(errors="replace")

    def wait_for_log(self, text: str) -> None:
        """Wait until `text` stands on stderr, as long as there is anybody to write it."""
        with self._logged:
            self._logged.wait_for(lambda: text in self.log or self._log_ended, PATIENCE)
            assert text in self.log, f"{text!r} is not in {self.log!r}"

    def write(self, data: bytes) -> None:
        """Write bytes to the process's stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Message) -> None:
        """Send one message."""
        self.write(json.dumps(message).encode() + b"\n")

    def receive(self, patience: float = PATIENCE) -> Message:
        """The next message."""
        try:
            line = self._lines.get(timeout=patience)
        except queue.Empty:
            raise AssertionError(f"nothing arrived within {patience} s; stderr: {self.log}") from None
        assert line is not None, f"the server has ended; stderr: {self.log}"
        message: Message = json.loads(line)
        return message

    def open(self) -> Message:
        """Open the conversation as the era does; gives the result of `initialize` or `server/discover`."""
        if self.era == MODERN:
            return self.request("server/discover")
        result = self.request("initialize", self.initialize_params())
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def exchange(self, method: str, params: Message | None = None) -> Message:
        """Send a request and give the response to it, whole; answers `roots/list` on the way."""
        request = self.message(method, params)
        self.send(request)
        while True:
            message = self.receive()
            if message.get("method") == "roots/list":
                self._answer_roots(message)
            elif message.get("id") == request["id"] and "method" not in message:
                break
        if needs_input(message):
            return self.exchange(method, self.with_input(params, message["result"]))
        return message

    def _answer_roots(self, request: Message) -> None:
        answer = self.roots_answer(request)
        if answer is not None:
            self.send(answer)

    def request(self, method: str, params: Message | None = None) -> Message:
        """The result of a request."""
        return result_of(self.exchange(method, params))

    def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return answer_of(self.request("tools/call", {"name": tool, "arguments": arguments}))

    def close_input(self) -> None:
        """End the process's stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self, patience: float = PATIENCE) -> int:
        """The exit code, once the process has ended and all it wrote has been read."""
        code = self.process.wait(patience)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code

    def end(self) -> None:
        """Close stdin; the process must then end with exit code 0 and a clean stdout."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.close_input()
        code = self.ended()
        assert code == 0, f"exit code {code}; stderr: {self.log}"
        assert_pure(bytes(self.out))


def assert_pure(out: bytes) -> None:
    """Every byte of `out` belongs to a line that is one JSON-RPC message."""
    assert out == b"" or out.endswith(b"\n")
    for line in out.splitlines():
        message = json.loads(line)
        assert isinstance(message, dict)
        assert message["jsonrpc"] == "2.0"
