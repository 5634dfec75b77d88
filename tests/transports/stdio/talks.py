"""Clients that say much at once, and servers that are there at once: whole conversations in a tenth of a second."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from tests.clients.processes import start_server
from tests.clients.protocol import LEGACY, MODERN, Era
from tests.clients.stdio import PATIENCE, environment
from workflow_mcp.transports.stdio.memo import Memo

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CLIENT = {"name": "transcripts", "version": "1"}
META = {
    f"io.modelcontextprotocol/{name}": value
    for name, value in {"protocolVersion": MODERN, "clientInfo": CLIENT, "clientCapabilities": {}}.items()
}
INITIALIZE = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
CALL: dict[str, Any] = {"name": "get_working_directory", "arguments": {}}
Answers = Counter[str]


@dataclass(frozen=True)
class Said:
    """What a client says at once, before it waits until it has all answers.

    Attributes:
        lines: whole lines.
        cuts: where they are cut, in thousandths of their length.
        unanswered: how many of the requests get no answer.
    """

    lines: tuple[bytes, ...]
    cuts: tuple[int, ...] = ()
    unanswered: int = 0

    def pieces(self) -> Iterator[bytes]:
        """What is written, each in one piece."""
        whole = b"".join(self.lines)
        places = sorted({0, len(whole), *(cut * len(whole) // 1000 for cut in self.cuts)})
        yield from (whole[start:end] for start, end in pairwise(places))

    def expected(self) -> int:
        """How many answers there will be."""
        return sum(b'"params"' in line and b'"id"' in line for line in self.lines) - self.unanswered


def as_json(value: object) -> bytes:
    """A value as it stands in a line."""
    return json.dumps(value).encode()


def line(number: object, name: str, params: dict[str, Any], *, is_modern: bool) -> bytes:
    """A request."""
    told = {**params, "_meta": META} if is_modern else params
    method = name.split(maxsplit=1)[0]
    return as_json({"jsonrpc": "2.0", "id": number, "method": method, "params": told}) + b"\n"


def numbered(requests: Sequence[tuple[str, dict[str, Any], object]], *, is_modern: bool) -> list[bytes]:
    """The lines of requests, of which those without an id get a new one."""
    ids = count(10)
    return [
        line(next(ids) if number is None else number, name, params, is_modern=is_modern)
        for name, params, number in requests
    ]


def opening_of(era: Era) -> list[Said]:
    """What a client opens with, and a call."""
    is_modern = era == MODERN
    begin = ("server/discover", {}, None) if is_modern else ("initialize", INITIALIZE, None)
    call = ("tools/call", CALL, None)
    first, *lists, last = numbered([begin, *((name, {}, None) for name in LISTS), call], is_modern=is_modern)
    return [Said((first,)), Said((*([] if is_modern else [INITIALIZED]), *lists)), Said((last,))]


class Talk:
    """One server and what it says."""

    def __init__(self, cwd: Path, env: dict[str, str], *, anew: bool) -> None:
        # Each write is one read on the other side.
        into, stdin = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._into = into
        self._out, stdout = os.pipe()
        self._text = b""
        streams = [stdin.detach(), stdout, os.open(os.devnull, os.O_WRONLY)]
        self._process = start_server(cwd=cwd, env=env, streams=streams, anew=anew)
        for stream in streams:
            os.close(stream)

    def say(self, said: Said) -> None:
        """Say it, piece by piece."""
        for piece in said.pieces():
            self._into.send(piece)

    def answers(self, count: int | None = None) -> Answers:
        """So many answers, or all up to the end; in no order, as requests have none."""
        return Counter(self._lines(count))

    def leave(self) -> Answers:
        """Close the input; gives what comes after all answers."""
        self._into.close()
        rest = self.answers()
        os.close(self._out)
        assert self._process.wait(PATIENCE) == 0
        return rest

    def hold(self, conversation: Sequence[Said]) -> list[Answers]:
        """What is answered to each that is said, and after the end."""
        answers = []
        for said in conversation:
            self.say(said)
            answers.append(self.answers(said.expected()))
        return [*answers, self.leave()]

    def _lines(self, wanted: int | None) -> list[str]:
        """So many lines, or all up to the end."""
        while wanted is None or self._text.count(b"\n") < wanted:
            assert select.select([self._out], [], [], PATIENCE)[0], f"only {self._text!r} of {wanted} lines arrived"
            chunk = os.read(self._out, 65_536)
            self._text += chunk
            if not chunk:
                assert wanted is None, f"ended after {self._text!r}"
                break
        lines = self._text.splitlines(keepends=True)
        wanted = len(lines) if wanted is None else wanted
        self._text = b"".join(lines[wanted:])
        return [one.decode() for one in lines[:wanted]]


class Windows:
    """Windows of one user.

    Attributes:
        work: where they are.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._caches = count()
        self.work = home / "work"

    def new_cache(self) -> Path:
        """A folder that is not there yet."""
        return self._home / f"cache{next(self._caches)}"

    def memo(self, cache: Path) -> Memo:
        """The memo in a cache."""
        return Memo(str(cache / self._name))

    @cached_property
    def _name(self) -> Path:
        # It tells where they import from, so only they can make it.
        cache = self.new_cache()
        self.hold(opening_of(MODERN), cache)
        (made,) = cache.glob("*/*/*")
        return made.relative_to(cache)

    def open(self, cache: Path | None, *, anew: bool = False) -> Talk:
        """A window that has this cache, or no memo; see `start_server`."""
        return Talk(self.work, self._env(cache), anew=anew)

    def hold(self, conversation: Sequence[Said], cache: Path | None = None, *, anew: bool = False) -> list[Answers]:
        """What a window is answered that says all this and leaves."""
        return self.open(cache, anew=anew).hold(conversation)

    def forget(self) -> None:
        """Remove what windows have stored."""
        for stored in ("data", ".local"):
            shutil.rmtree(self._home / stored, ignore_errors=True)

    def _env(self, cache: Path | None) -> dict[str, str]:
        told = {"WORKFLOW_MCP_MEMO": "off"} if cache is None else {"XDG_CACHE_HOME": str(cache)}
        return environment(self._home, **told)
