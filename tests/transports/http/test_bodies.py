"""A request's body is bounded in size, shape, time and memory, before anything else sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.clients.http import Connection, HttpClient
from tests.clients.protocol import MODERN, Era
from tests.clients.served import served_here
from tests.support import BOUND, config_text, write_config
from tests.transports.http.loop_time import load_of_loop
from workflow_mcp.server.limits import MAX_VALUES
from workflow_mcp.transports.http import server as http_server
from workflow_mcp.transports.http.bodies import MAX_BODY_BYTES, MAX_SMALL_BODY_BYTES, Bodies
from workflow_mcp.transports.http.connections import CONNECTION
from workflow_mcp.transports.http.server import DrainingServer
from workflow_mcp.transports.http.turns import Turns

SIZE = MAX_BODY_BYTES - 2_000
# Seconds of CPU time, twenty times the 50 ms that are promised. What the count of values does not show took 4 and more.
GENEROUS = 1.0

DONE = PlainTextResponse("done")


def repeated(unit: str, size: int = SIZE) -> str:
    """A list of `unit`, of that many bytes."""
    return "[" + ",".join([unit] * (size // (len(unit) + 1))) + "]"


def keys(count: int) -> str:
    """The inside of an object with that many keys."""
    return ",".join(f'"k{number}":1' for number in range(count))


def items(value: str) -> str:
    """Arguments with that value for `items`."""
    return '{"items":' + value + "}"


NAMED = {
    "a million numbers": items(repeated("123")),
    "a million numbers as text": items(json.dumps(repeated("123"))),
    "190 000 bad items": items(repeated('{"title":1,"x":2}', 190_000 * 18)),
    "150 000 bad items as text": items(json.dumps(repeated('{"title":1,"x":2}', 150_000 * 18))),
    "300 000 unknown keys": "{" + keys(300_000) + "}",
    "300 000 unknown keys of an item": items("[{" + keys(300_000) + "}]"),
    "empty lists": items(repeated("[]")),
    "numbers for labels": items('[{"title":"a","labels":' + repeated("1") + "}]"),
    "19 000 bad labels": items('[{"title":"a","labels":' + repeated("1", 38_000) + "}]"),
    "9 000 good items": items(repeated('{"title":"a"}', 9_000 * 14)),
    "19 000 bad items": items(repeated("1", 38_000)),
    "a deep text": items('"' + "[" * 100_000 + '"'),
    "one long text": items('"' + "a" * SIZE + '"'),
    "escapes": items('"' + "\\\\" * (SIZE // 2) + '"'),
}  # fmt: skip


class Sent:
    """One request to an ASGI app, and what came back."""

    def __init__(self, *bodies: bytes, ends: bool = True, method: str = "POST", headers: Sequence[Any] = ()) -> None:
        self._messages = self._message(bodies, ends=ends)
        self.gone = anyio.Event()
        connection = SimpleNamespace(transport=SimpleNamespace(is_closing=self.gone.is_set))
        self.scope: Scope = {"type": "http", "method": method, "headers": list(headers), CONNECTION: connection}
        self.waits = anyio.Event()
        self.sent: list[Message] = []

    @staticmethod
    def _message(bodies: Sequence[bytes], *, ends: bool) -> Iterator[Message]:
        for number, body in enumerate(bodies, start=1):
            yield {"type": "http.request", "body": body, "more_body": not ends or number < len(bodies)}

    async def receive(self) -> Message:
        """What the server would give the app."""
        message = next(self._messages, None)
        if message is None:
            self.waits.set()
            if not self.gone.is_set():
                await self.gone.wait()
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """What the app says."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status of the response."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def code(self) -> str:
        """The code of the error that was answered."""
        text: str = json.loads(self.sent[1]["body"])["error"]["message"]
        assert "Next: " in text
        return text.partition(":")[0]

    async def to(self, bodies: Bodies, app: ASGIApp = DONE) -> None:
        """Send it."""
        await bodies.wrap(app)(self.scope, self.receive, self.send)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[DrainingServer]:
    """A server in this event loop."""
    async with served_here(tmp_path / "home") as served:
        yield served


def body_of(client: HttpClient, arguments: str) -> bytes:
    """A call of `create_work_items` with these arguments, as they are written."""
    message = client.message("tools/call", {"name": "create_work_items", "arguments": "here"})
    return json.dumps(message).replace('"here"', arguments).encode()


@pytest.mark.parametrize("name", NAMED)
async def test_no_body_holds_the_event_loop(
    server: DrainingServer, era: Era, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a body is made of, no more of it is parsed than of any call, and it is refused by name."""
    async with HttpClient(server.url, era, (("X-Workflow-Directory", str(tmp_path)),)) as client:
        # The first refusal of a process imports what writes it into the log.
        assert (await client.call("create_work_items", items=[1])).is_error
        headers = [*client.request_headers(client.message("tools/call", {"name": "create_work_items"}))]
        with load_of_loop(monkeypatch) as load:
            answer = await client.connection.request("POST", headers, body_of(client, NAMED[name]))
        assert load.values <= MAX_VALUES
        assert (load.texts > 0) == (answer.status != 413)
        assert load.seconds < GENEROUS
        assert (b"BODY_TOO_LARGE: " in answer.body) == (answer.status == 413)
        assert answer.status == 413 or any(code in answer.body for code in (b"ARGUMENT_INVALID: ", b"ITEM_INVALID: "))
        assert len(answer.body) < 1_000


async def test_the_largest_call_there_is(
    server: DrainingServer, era: Era, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 items with descriptions of 20 000 characters are one call, full of commas and brackets as they may be."""
    write_config(tmp_path, config_text())
    description = ('f(x, [1, 2], {"a": "b\\c"})\n' * 1_000)[:20_000]
    work = [{"title": f"item {number}", "description": description} for number in range(100)]
    async with HttpClient(server.url, era, (("X-Workflow-Directory", str(tmp_path)),)) as client:
        await client.call("list_work_items")
        with load_of_loop(monkeypatch) as load:
            answer = await client.call("create_work_items", items=work)
        assert not answer.is_error, answer.text
        assert load.texts > 0
        assert load.seconds < GENEROUS


async def test_a_body_that_does_not_come() -> None:
    """A request whose body is not there in time is answered 408."""
    sent = Sent(b"{", ends=False)
    await sent.to(Bodies(timeout=0))
    assert (sent.status, sent.code) == (408, "BODY_TIMEOUT")


@pytest.mark.parametrize(
    "sent",
    [
        Sent(b" " * MAX_BODY_BYTES, b" "),
        Sent(b" ", ends=False, headers=[(b"content-length", str(MAX_BODY_BYTES + 1).encode())]),
        Sent(b" ", ends=False, headers=[(b"content-length", b"9" * 5_000)]),
        Sent(b"[" + b"1," * 20_000 + b"1]"),
    ],
    ids=["sent", "announced", "absurd", "values"],
)
async def test_a_body_that_is_too_large(sent: Sent) -> None:
    """A body beyond a bound is answered 413; one that is announced as such is not even waited for."""
    await sent.to(Bodies())
    assert (sent.status, sent.code) == (413, "BODY_TOO_LARGE")


async def test_a_whole_body_is_handed_on() -> None:
    """What came in parts reaches the app in one, and after it the end of the connection."""
    seen = []

    async def echo(_scope: Scope, receive: Receive, _send: Send) -> None:
        seen.extend([await receive(), await receive()])

    sent = Sent(b"a" * MAX_SMALL_BODY_BYTES, b"b")
    sent.gone.set()
    await sent.to(Bodies(), echo)
    assert seen[0] == {"type": "http.request", "body": b"a" * MAX_SMALL_BODY_BYTES + b"b", "more_body": False}
    assert seen[1] == {"type": "http.disconnect"}


async def test_half_sent_bodies_share_a_bound() -> None:
    """When large bodies take too much together, the one that has been waited for longest is answered 503."""
    bodies = Bodies(max_held=3 * MAX_SMALL_BODY_BYTES)
    half = [Sent(b"a" * (MAX_SMALL_BODY_BYTES + 1), ends=False) for _ in range(4)]
    async with anyio.create_task_group() as tasks:
        for sent in half[:2]:
            tasks.start_soon(sent.to, bodies)
            await sent.waits.wait()
        assert bodies.held == 2 * (MAX_SMALL_BODY_BYTES + 1)
        for number, sent in enumerate(half[2:]):
            tasks.start_soon(sent.to, bodies)
            await sent.waits.wait()
            await anyio.wait_all_tasks_blocked()
            assert (half[number].status, half[number].code) == (503, "SERVER_BUSY")
            assert bodies.held == 2 * (MAX_SMALL_BODY_BYTES + 1)
        small, whole = Sent(b"{}"), Sent(b"a" * MAX_SMALL_BODY_BYTES)
        await small.to(bodies)
        await whole.to(bodies)
        assert (small.status, whole.status) == (200, 200), "small ones are never refused"
        for sent in half:
            sent.gone.set()
    assert bodies.held == 0
    assert half[3].sent == [], "a client that has gone is answered nothing"


async def test_a_large_body_counts_until_its_call_is_answered() -> None:
    """Calls in progress keep their bodies in memory, so new large ones have no room, however whole they come."""
    going_on, go_on = anyio.Event(), anyio.Event()

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        going_on.set()
        await go_on.wait()

    bodies, first, second = (
        Bodies(max_held=3 * MAX_SMALL_BODY_BYTES),
        Sent(b"a" * 2 * MAX_SMALL_BODY_BYTES),
        Sent(b"a" * 2 * MAX_SMALL_BODY_BYTES),
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.to, bodies, slow)
        await going_on.wait()
        await second.to(bodies)
        assert (second.status, second.code) == (503, "SERVER_BUSY")
        go_on.set()
    third = Sent(b"a" * 2 * MAX_SMALL_BODY_BYTES)
    await third.to(bodies)
    assert third.status == 200


async def begun_of(calls: list[Sent], *, gone: Sequence[Sent] = ()) -> list[Scope]:
    """The scopes of the calls that begin, in their order, when all are sent at once and some clients disconnect."""
    begun: list[Scope] = []

    async def note(scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.append(scope)

    bodies = Bodies()
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(call.to, bodies, note)
        for call in gone:
            call.gone.set()
    return begun


async def test_calls_of_clients_that_are_gone_do_not_begin() -> None:
    """Of calls that come all at once only a few begin before the server looks which clients are still there."""
    calls = [Sent(b"{}") for _ in range(100)]
    begun = await begun_of(calls, gone=calls[:-1])
    assert len(begun) < 10
    assert begun[-1] is calls[-1].scope, "the one that is still there"


async def test_calls_of_clients_that_are_gone_wait_for_no_turn_of_their_own() -> None:
    """However few calls begin in a turn, those of clients that are gone all end in the next one: none is kept."""
    turns, gone = Turns(calls_per_turn=1), [False] * 100
    calls = [asyncio.ensure_future(turns.wait(partial(gone.__getitem__, number))) for number in range(100)]
    await asyncio.sleep(0)
    gone[1:99] = [True] * 98
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(call.done() for call in calls)
    assert [call.result() for call in calls] == [True, *[False] * 98, True]


async def test_calls_begin_in_order() -> None:
    """Calls that come all at once begin in the order they came, each of them."""
    calls = [Sent(b"{}") for _ in range(100)]
    assert await begun_of(calls) == [call.scope for call in calls]


async def test_an_absurd_announcement(server: DrainingServer) -> None:
    """An announced size beyond all bounds is refused over a socket too."""
    client = HttpClient(server.url, MODERN)
    async with client.connection as connection:
        head = connection.head("POST", [*client.request_headers(None), ("Content-Length", "9" * 30)])
        _, writer = await connection.open()
        writer.write(head)
        status, headers = await connection.read_head()
        assert (status, headers["connection"]) in ((413, "close"), (400, "close"))


async def test_the_board_and_the_tools_have_one_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large bodies are held once for the whole server, whichever part of it they are for."""
    monkeypatch.setattr(http_server, "Bodies", partial(Bodies, max_held=150 * 2**10))
    async with served_here(tmp_path) as served, Connection(served.url) as tools, Connection(served.url) as board:
        for connection, path in ((tools, None), (board, "/board/api/key")):
            headers = [("Content-Type", "application/json"), ("Content-Length", str(2**20))]
            _, writer = await connection.open()
            writer.write(connection.head("POST", headers, path) + b" " * 100 * 2**10)
            await writer.drain()
        answers = [asyncio.ensure_future(one.read_head()) for one in (tools, board)]
        done, others = await asyncio.wait(answers, timeout=BOUND, return_when=asyncio.FIRST_COMPLETED)
        assert [one.result()[0] for one in done] == [503]
        for one in others:
            one.cancel()
