"""Claims that wait over stdio: many at once in one process, and what ends them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.clients.agents import make_project
from tests.clients.protocol import Era, Message
from tests.clients.stdio import Wire, environment
from tests.support import posix_only

MANY = 50


def claim(wire: Wire, actor: str) -> Message:
    """A claim that waits."""
    arguments = {"actor": actor, "wait_seconds": 50}
    return wire.message("tools/call", {"name": "claim_work_item", "arguments": arguments})


def test_many_wait_in_one_process(tmp_path: Path, era: Era) -> None:
    """Other calls are answered meanwhile; a cancelled wait gets nothing, one other the item, the rest an error."""
    home = tmp_path / "home"
    home.mkdir()
    with Wire(make_project(tmp_path, "shop"), environment(home), era) as wire:
        wire.open()
        wire.call("create_work_items", items=[{"title": "first"}])
        wire.call("claim_work_item", actor="first")
        waits = [claim(wire, f"w{number}") for number in range(MANY)]
        for wait in waits:
            wire.send(wait)
        assert "1 in progress" in wire.call("list_work_items").text
        gone = {"method": "notifications/cancelled", "params": {"requestId": waits[0]["id"]}}
        if era != "legacy":
            gone = wire.message("notifications/cancelled", gone["params"])  # type: ignore[arg-type]
            del gone["id"]
        wire.send({"jsonrpc": "2.0", **gone})
        assert "1 in progress" in wire.call("list_work_items").text
        create = wire.message(
            "tools/call", {"name": "create_work_items", "arguments": {"items": [{"title": "second"}]}}
        )
        wire.send(create)
        answers = {answer["id"]: answer for answer in (wire.receive(), wire.receive())}
        (winner,) = answers.keys() - {create["id"]}
        place = [wait["id"] for wait in waits].index(winner)
        assert place, "the cancelled one"
        assert f"Yours as w{place}: #2" in str(answers[winner])
        wire.close_input()
        rest = {answer["id"]: answer["error"]["message"] for answer in (wire.receive() for _ in range(MANY - 2))}
        assert rest == {wait["id"]: "Connection closed" for wait in waits[1:] if wait["id"] != winner}
        assert wire.ended() == 0


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_waits(tmp_path: Path, era: Era, number: signal.Signals) -> None:
    """The server leaves at once and cleanly, though a call waits, and nobody has what became ready afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    folder = make_project(tmp_path, "shop")
    with Wire(folder, environment(home), era) as wire:
        wire.open()
        wire.call("create_work_items", items=[{"title": "first"}])
        wire.call("claim_work_item", actor="first")
        wire.send(claim(wire, "waiting"))
        assert "1 in progress" in wire.call("list_work_items").text
        wire.process.send_signal(number)
        assert wire.ended() == 0
        assert "Traceback" not in wire.log
    with Wire(folder, environment(home), era) as wire:
        wire.open()
        wire.call("create_work_items", items=[{"title": "second"}])
        assert "1 ready, 1 in progress" in wire.call("list_work_items").text
        wire.end()
