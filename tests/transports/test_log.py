"""The log on stderr: JSON a line where that is asked for, and the id of the request in every line."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastmcp
import pytest

from tests.clients.http import HttpClient
from tests.clients.peers import isolated_settings
from tests.clients.protocol import Era
from tests.clients.served import Served, refused_start
from tests.clients.stdio import Wire, environment
from tests.server.failing_host import SECRET
from workflow_mcp.server.request_ids import REQUEST_ID
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.transports.log import LOGGERS, log_to_stderr, tell

SERVER = ["-W", "error", "-m", "tests.transports.failing_server"]
JSON = {
    "WORKFLOW_MCP_LOG_FORMAT": "json",
    "WORKFLOW_MCP_LOG_LEVEL": "DEBUG",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
HALF = "half a character, \ud83d, and\nanother line"
FIELDS = {"time", "level", "logger", "message", "request_id"}


def lines_of(log: str) -> list[dict[str, Any]]:
    """The lines of a log, each of which is a JSON object with the same fields."""
    lines = [json.loads(line) for line in log.splitlines()]
    for line in lines:
        assert set(line) - {"traceback"} == FIELDS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    return lines


def request_in(text: str) -> str:
    """The id that an `INTERNAL_ERROR` names."""
    found = re.search(r"the traceback of request (\S+) in the server's log \(stderr\)", text)
    assert found is not None, text
    return found[1]


def check_traceback(lines: list[dict[str, Any]], request_id: str) -> None:
    """One line about this request has the traceback, in a field of its own."""
    (found,) = [line for line in lines if "traceback" in line and line["request_id"] == request_id]
    assert found["level"] == "ERROR"
    assert found["logger"].startswith("fastmcp")
    assert found["traceback"].startswith("Traceback")
    assert SECRET in found["traceback"]


def test_a_defect_over_stdio(era: Era, tmp_path: Path) -> None:
    """What a client is told of a defect names the request that the traceback is logged under; each call has its own."""
    with Wire(tmp_path, environment(tmp_path, **JSON), era, command=SERVER) as wire:
        wire.open()
        told = [request_in(wire.call(tool).text) for tool in ("explode", "explode_in_dependency")]
        wire.wait_for_log(told[1])
        wire.call("get_working_directory")
    lines = lines_of(wire.log)
    assert len(set(told)) == 2
    for request_id in told:
        check_traceback(lines, request_id)
    assert SECRET.encode() not in wire.out


async def test_a_defect_over_http(era: Era, tmp_path: Path) -> None:
    """The same over HTTP, where the answer's header has it too, and a client can give a request its id."""
    home, command = tmp_path / "home", [*SERVER, "serve", "--http", "--port", "0"]
    home.mkdir()
    with Served(home, environment(home, **JSON), command=command) as served:
        async with HttpClient(served.url, era) as client:
            made = request_in((await client.call("explode")).text)
            client.headers = (("X-Request-Id", "from-the-proxy/1"),)
            assert request_in((await client.call("explode")).text) == "from-the-proxy/1"
            assert (await client.call("set_working_directory", directory="x")).code == "DIRECTORY_NOT_ABSOLUTE"
        served.wait_for_log("DIRECTORY_NOT_ABSOLUTE")
    lines = lines_of(served.log)
    for request_id in (made, "from-the-proxy/1"):
        check_traceback(lines, request_id)
    assert [line["request_id"] for line in lines if "DIRECTORY_NOT_ABSOLUTE" in line["message"]] == ["from-the-proxy/1"]
    assert [line for line in lines if line["logger"].startswith("uvicorn")], "uvicorn's lines are not in this log"


def test_a_server_that_cannot_start(tmp_path: Path) -> None:
    """What keeps it from starting is a line of the same format, and the exit code is 2."""
    refused = refused_start(tmp_path / "home", "--host", "0.0.0.0", WORKFLOW_MCP_LOG_FORMAT="json")
    assert refused.returncode == 2
    (line,) = lines_of(refused.stderr)
    assert line["level"] == "ERROR"
    assert line["message"].startswith("TOKENS_REQUIRED: 0.0.0.0 can be reached")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Tells what went to stderr; the process's log is as before afterwards."""
    loggers = [logging.getLogger(name) for name in (None, *LOGGERS)]
    before = [(one, one.handlers, one.level, one.propagate) for one in loggers]
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(fastmcp.settings, "log_enabled", fastmcp.settings.log_enabled)
    yield lambda: capsys.readouterr().err
    logging.captureWarnings(capture=False)
    for one, handlers, level, propagate in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_everybody_s_lines_have_one_format(log: Callable[[], str], tmp_path: Path) -> None:
    """FastMCP's and uvicorn's lines stand in it like ours; of other libraries warnings only, whatever the level."""
    settings = isolated_settings(tmp_path, log_format="json", log_level="INFO")
    log_to_stderr(settings)
    for name in ("workflow_mcp.x", "fastmcp.server", "uvicorn.x", "mcp.server", "asyncio"):
        logging.getLogger(name).info("%s", HALF)
        logging.getLogger(name).warning("a warning")
        logging.getLogger(name).debug("a detail")
    tell("started", settings)
    written = log()
    lines = lines_of(written)
    assert [line["logger"] for line in lines if line["message"] == HALF] == [
        "workflow_mcp.x", "fastmcp.server", "uvicorn.x",
    ]  # fmt: skip
    assert len([line for line in lines if line["message"] == "a warning"]) == 5
    assert "a detail" not in written
    assert lines[-1]["message"] == "started"


def test_what_nobody_catches(log: Callable[[], str], tmp_path: Path) -> None:
    """An exception that ends the process or a thread, and a warning, are lines of the log."""
    log_to_stderr(isolated_settings(tmp_path, log_format="json"))

    def fail() -> None:
        raise RuntimeError(SECRET)

    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    process, in_thread, warned = lines_of(log())
    assert process["level"] == in_thread["level"] == "CRITICAL"
    assert SECRET in process["traceback"]
    assert SECRET in in_thread["traceback"]
    assert "DeprecationWarning: old" in warned["message"]


def test_lines_for_people(log: Callable[[], str], tmp_path: Path) -> None:
    """Without JSON a line has the request's id too, and what is told at the start stands there as it is."""
    settings = isolated_settings(tmp_path)
    log_to_stderr(settings)
    logging.getLogger("workflow_mcp.x").warning("outside")
    token = REQUEST_ID.set("abc")
    logging.getLogger("fastmcp.x").warning("inside")
    REQUEST_ID.reset(token)
    tell("started", settings)
    outside, inside, told = log().splitlines()
    assert outside.endswith(" WARNING workflow_mcp.x [-]: outside")
    assert inside.endswith(" WARNING fastmcp.x [abc]: inside")
    assert told == "started"


async def test_threads_log_for_the_request_that_asked() -> None:
    """Work in a thread belongs to the request that asked for it, whichever thread does it."""
    threads = WorkerThreads()
    try:
        for number in range(5):
            token = REQUEST_ID.set(f"r{number}")
            assert await threads.run(REQUEST_ID.get) == f"r{number}"
            assert await threads.run_bounded("/", REQUEST_ID.get) == f"r{number}"
            REQUEST_ID.reset(token)
    finally:
        threads.close()
