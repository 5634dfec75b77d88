"""A window that only opens is answered without the server, and whatever it asks then as if that had been there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.memo import State, memo_for, put
from tests.clients.processes import SERVER
from tests.clients.protocol import Era
from tests.clients.stdio import Wire, environment
from tests.process.test_endings import SOON, WAYS, grandchild, wait_for_the_end_of_output, wait_until_stuck
from tests.process.test_streams import (
    OPENING,
    Kind,
    a_file,
    a_terminal,
    asking,
    data,
    messages_from,
    one_socket,
)
from tests.process.test_streams import server as served_on
from tests.support import posix_only
from tests.transports.stdio.conftest import Spoken, kept, open_whole
from tests.transports.stdio.talks import LISTS
from workflow_mcp.transports.stdio import memo as memos

pytestmark = posix_only
LOADED = "sessions are open"


def work_in(home: Path) -> Path:
    """Where the windows are: a home itself is no working directory."""
    (home / "work").mkdir(exist_ok=True)
    return home / "work"


@contextmanager
def window(
    home: Path, answers: dict[str, bytes], era: Era = "legacy", *command: str, state: State = "fresh", **variables: str
) -> Iterator[Wire]:
    """A server that finds a memo in this state when it starts."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO", **variables)
    named = [command[1]] if command[:1] == ("--directory",) else []
    cwd = work_in(home)
    put(memo_for(cwd, env, *named), answers, state)
    wire = Wire(cwd, env, era, command=[*SERVER, *command], anew=True)
    try:
        yield wire
    finally:
        wire.kill()


def has_loaded(wire: Wire) -> bool:
    """Whether the real server has been there, once the process has ended."""
    return LOADED in wire.log


def test_an_opening_loads_nothing(era: Era, home: Path, answers: dict[str, bytes], spoken: Spoken) -> None:
    """As long as the memo has the answers, the process is a few modules of the standard library."""
    with window(home, answers, era) as wire:
        assert open_whole(wire) == spoken[era]
        if sys.platform == "linux":
            maps = Path(f"/proc/{wire.process.pid}/maps").read_text(encoding="utf-8")
            assert "pydantic" not in maps
        wire.end()
        assert wire.log == ""


def imported(log: str) -> set[str]:
    """The modules that a server says it has imported."""
    return {line.rpartition("|")[2].strip() for line in log.splitlines()}


def test_the_real_server_loads_no_more_than_it_uses(home: Path) -> None:
    """No tools before the first answer, no session state, no parser of docstrings, and of a store what is used."""
    command = ("-X", "importtime", "-m", "workflow_mcp")
    with Wire(work_in(home), environment(home), "legacy", command=command) as wire:
        wire.open()
        wire.request("ping")
        first = imported(wire.log)
        assert [wire.request(method) for method in LISTS]
        assert wire.call("get_working_directory").data["project"] is None
        before = imported(wire.log)
        assert not wire.call("init_project").is_error
        assert wire.call("get_working_directory").data["project"] is not None
        wire.wait_for_log("sqlalchemy.engine")
        assert not wire.call("list_work_items").is_error
        wire.end()
        whole = imported(wire.log)
    assert {"workflow_mcp.transports.stdio.serve", "workflow_mcp.app"} <= first
    assert {"workflow_mcp.server.catalog", "workflow_mcp.server.results", "workflow_mcp.work.results"} <= before - first
    packages = {name.partition(".")[0] for name in before}
    assert packages & {"fastmcp", "beartype", "key_value", "griffe", "sqlalchemy", "alembic"} == {"fastmcp"}
    assert "workflow_mcp.storage.store" in whole
    of_boards, of_others = ("board", "storage.items.board", "work.board"), ("storage.postgresql", "storage.transfer")
    unused = (*of_boards, *of_others, "alembic", "prometheus_client", "psycopg")
    assert {name for name in whole if name.removeprefix("workflow_mcp.").startswith(unused)} == set()


def test_a_memo_is_made_by_the_first_window(era: Era, home: Path, spoken: Spoken) -> None:
    """The second window is answered without the server, byte for byte as the first."""
    said = []
    for _ in range(2):
        with window(home, {}, era) as wire:
            open_whole(wire)
            wire.end()
            said.append((bytes(wire.out), has_loaded(wire)))
    assert said == [(said[0][0], True), (said[0][0], False)]


def test_no_memo_where_none_is_wanted(home: Path, answers: dict[str, bytes]) -> None:
    """`WORKFLOW_MCP_MEMO=off` neither reads nor writes one."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    put(memo_for(home, env), answers, "fresh")
    before = sorted(home.rglob("*"))
    with Wire(home, {**env, "WORKFLOW_MCP_MEMO": "off"}, "legacy", anew=True) as wire:
        open_whole(wire)
        wire.end()
        assert has_loaded(wire)
    assert sorted(home.rglob("*")) == before


def test_with_a_directory(era: Era, home: Path, answers: dict[str, bytes]) -> None:
    """`--directory` holds for the calls that come after an opening from the memo."""
    with window(home, answers, era, "--directory", "sub") as wire:
        (wire.cwd / "sub").mkdir()
        wire.open()
        found = wire.call("get_working_directory").data
        assert (found["directory"], found["directory_source"]) == (str(wire.cwd / "sub"), "option")


@pytest.mark.parametrize("way", WAYS)
def test_ends_whichever_way_it_is_asked_to(way: Callable[[Wire], None], home: Path, answers: dict[str, bytes]) -> None:
    """With nothing to clean up it ends with code 0 and without a word."""
    with window(home, answers) as wire:
        wire.open()
        way(wire)
        assert wire.ended(SOON) == 0
        assert wire.log == ""


def test_ends_when_its_parent_is_killed(home: Path, answers: dict[str, bytes]) -> None:
    """No orphan stays behind, also when somebody else keeps stdin open."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    put(memo_for(home, env), answers, "fresh")
    with grandchild(home, *SERVER) as wire:
        wire.open()
        wire.process.kill()
        wait_for_the_end_of_output(wire)
        assert not has_loaded(wire)


INITIALIZE = data(OPENING[0])
LONG = b'{"jsonrpc":"2.0","id":0,"result":{"x":"' + b"x" * 2_000_000 + b'"}}\n'


@contextmanager
def answered_at_length(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A server that has begun with an answer that no pipe can hold."""
    env, pipe = environment(home), subprocess.PIPE
    memo = memo_for(home, env)
    monkeypatch.setattr(memos, "MAX_BYTES", 2**30)
    put(memo, kept((INITIALIZE, LONG[:1_000_000] + LONG[-5:])), "fresh")
    with subprocess.Popen(
        [sys.executable, *SERVER], cwd=home, env=env, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(INITIALIZE)
            process.stdin.flush()
            wait_until_stuck(process.stdout.fileno())
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("way", "code"), [("signal", 0), ("end of input", 1)])
def test_ends_when_nobody_reads_its_answers(way: str, code: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that reads nothing does not keep the process, neither when it leaves nor when it has it ended."""
    with answered_at_length(home, monkeypatch) as process:
        assert process.stdin is not None
        if way == "signal":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(SOON) == code


def test_a_client_that_reads_late_gets_every_byte(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer waits for its reader, also when that has nothing more to say."""
    with answered_at_length(home, monkeypatch) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.read() == LONG[:1_000_000] + LONG[-5:]
        assert process.wait(SOON) == 0


def test_a_client_that_is_gone_is_an_end_of_input(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left to be answered: the process ends, though its stdin stays open."""
    with answered_at_length(home, monkeypatch) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(SOON) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_last_line_without_an_end(home: Path, answers: dict[str, bytes]) -> None:
    """It is a line for the real server, as it is without a memo."""
    said = []
    for state in ("none", "fresh"):
        with window(home, answers, state=state) as wire:
            wire.open()
            wire.write(data(asking(9, "tools/list"))[:-1])
            wire.close_input()
            assert wire.ended() == 0
            said.append((bytes(wire.out), has_loaded(wire)))
    assert said == [(said[0][0], True), (said[0][0], True)]


@pytest.mark.parametrize("name", ["WORKFLOW_MCP_PORT", "workflow_mcp_log_level", "WORKFLOW_MCP_MEMO"])
def test_wrong_settings_end_it_before_the_first_answer(name: str, home: Path, answers: dict[str, bytes]) -> None:
    """A memo of right settings does not let wrong ones pass: one line on stderr and exit code 2."""
    with window(home, answers) as wire:
        wire.open()
        wire.end()
    wrong = environment(home, **{"WORKFLOW_MCP_LOG_LEVEL": "INFO", name: "nonsense"})
    with Wire(wire.cwd, wrong, anew=True) as wire:
        wire.send(wire.message("server/discover"))
        assert wire.ended() == 2
        assert wire.out == b""
        assert wire.log.startswith("SETTING_INVALID: ")


def test_a_wrong_answer_is_taken_back(era: Era, home: Path, answers: dict[str, bytes], spoken: Spoken) -> None:
    """It is logged and forgotten, an older client is told that the list has changed, and no call suffers."""
    wrong = {key: answer.replace(b"Set the directory", b"Get the directory") for key, answer in answers.items()}
    with window(home, wrong, era) as wire:
        tools = open_whole(wire)[1]["tools"]
        assert tools[0]["description"].startswith("Get the directory")
        assert not wire.call("get_working_directory").is_error
        lines = [json.loads(line) for line in wire.out.splitlines()]
        notified = [line["method"] for line in lines if "method" in line]
        assert notified == (["notifications/tools/list_changed"] if era == "legacy" else [])
        wire.wait_for_log("the memo had another answer to tools/list than this server; it is dropped")
        wire.end()
    with window(home, {}, era, state="none") as wire:
        assert open_whole(wire) == spoken[era]


def test_a_memo_that_asks_for_the_whole_server_in_the_middle(
    home: Path, answers: dict[str, bytes], spoken: Spoken
) -> None:
    """What the memo does not know is answered by the real server, which is told what was said before."""
    with window(home, answers) as wire:
        first = wire.open()
        again = wire.exchange("initialize", wire.initialize_params())
        assert "result" in again
        assert first == spoken["legacy"][0]
        assert [wire.request(method) for method in LISTS] == spoken["legacy"][1:]


@pytest.mark.parametrize("kind", [one_socket, a_terminal, a_file])
def test_answers_once_on_any_streams(kind: Kind, home: Path) -> None:
    """On sockets and pipes the memo answers, elsewhere the real server does: nothing is answered twice."""
    env = environment(home, WORKFLOW_MCP_LOG_LEVEL="INFO")
    for _ in range(2):
        (home / "out").unlink(missing_ok=True)
        streams = kind(home)
        *_, into, out = streams
        with served_on(home, streams) as process:
            os.write(into, data(*OPENING, asking(1, "tools/list")))
            assert [message["id"] for message in messages_from(out, 2)] == [0, 1]
            os.write(into, data(asking(2)))
            assert [message["id"] for message in messages_from(out, 1)] == [2]
            process.terminate()
            assert process.wait(SOON) == 0
    is_kept = kind not in (a_terminal, a_file)
    assert memo_for(home, env).is_there() == is_kept
