"""What a serving process writes to stdout: JSON-RPC lines and nothing else; and that it loses no request."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.clients.protocol import ERAS, MODERN, Era
from tests.clients.stdio import Wire, assert_pure, environment

HOSTS = str(Path(__file__).with_name("hosts.py"))
GARBAGE = [
    b"not json",
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe\x00",
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"1.0","id":90,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":91,"method":"nonsense"}',
    b'{"jsonrpc":"2.0","id":92,"method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","id":93,"method":"tools/call","params":{"name":5}}',
    b'{"jsonrpc":"2.0","id":94,"result":{}}',
    b'{"jsonrpc":"2.0","method":"notifications/nonsense"}',
    b"[" * 100_000,
    b'"' + b"x" * 1_000_000 + b'"',
]


@pytest.mark.parametrize("era", ERAS)
def test_stdout_is_pure(era: Era, tmp_path: Path) -> None:
    """With warnings as errors, every log at DEBUG, garbage as input, and tools that fail, stdout stays JSON-RPC."""
    env = environment(tmp_path, WORKFLOW_MCP_LOG_LEVEL="DEBUG", FASTMCP_LOG_LEVEL="DEBUG", PYTHONASYNCIODEBUG="1")
    with Wire(tmp_path, env, era, anew=True) as wire:
        wire.open()
        for line in GARBAGE:
            wire.write(line + b"\n")
        assert wire.call("set_working_directory", directory="relative").is_error
        assert wire.call("no_such_tool").is_error
        assert not wire.call("get_working_directory").is_error, "the server is still there after the garbage"
        wire.write(b'{"jsonrpc":"2.0","id":')
        wire.end()
    assert_pure(bytes(wire.out))
    assert wire.log, "nothing was logged: this test could not fail"


def test_stray_prints_miss_the_wire(tmp_path: Path) -> None:
    """What a library prints in the middle of a call goes to stderr."""
    with Wire(tmp_path, environment(tmp_path), MODERN, command=["-u", HOSTS, "prints"]) as wire:
        wire.open()
        assert wire.call("set_working_directory", directory=str(tmp_path)).data["directory"] == str(tmp_path)
        wire.wait_for_log("STRAY\nSTRAY\n")
        wire.end()
    assert b"STRAY" not in wire.out


def test_input_in_any_portions(tmp_path: Path) -> None:
    """Requests are read as sent and answered in order: 3000 at once, one byte by byte, and one of a megabyte."""
    with Wire(tmp_path, environment(tmp_path), "legacy", anew=True) as wire:
        wire.open()
        sent = [wire.message("ping") for _ in range(3000)]
        data = b"".join(json.dumps(message).encode() + b"\n" for message in sent)
        writer = threading.Thread(target=wire.write, args=(data,))
        writer.start()
        assert [wire.receive()["id"] for _ in sent] == [message["id"] for message in sent]
        writer.join()
        message = wire.message("tools/call", {"name": "set_working_directory", "arguments": {"directory": "/üü"}})
        for byte in json.dumps(message, ensure_ascii=False).encode() + b"\n":
            wire.write(bytes([byte]))
        assert "/üü" in wire.receive()["result"]["content"][0]["text"]
        assert wire.call("set_working_directory", directory="/" + "x" * 1_000_000).code == "DIRECTORY_TOO_LONG"


def test_two_copies_at_once(tmp_path: Path) -> None:
    """Two copies started at the same moment with one data directory both serve, each with its own directory."""
    env = environment(tmp_path)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with Wire(folders[0], env, MODERN) as one, Wire(folders[1], env, "legacy") as two:
        for wire, folder in zip((one, two), folders, strict=True):
            wire.open()
            assert wire.call("get_working_directory").data["directory"] == str(folder)
            wire.call("set_working_directory", directory=str(folder / ".."))
            assert wire.call("get_working_directory").data["directory"] == str(tmp_path)
        one.end()
        assert two.call("get_working_directory").data["directory"] == str(tmp_path)


def test_a_probe_that_leaves_at_once(tmp_path: Path) -> None:
    """A client may start a copy only to look, and leave again: it ends with code 0 and leaves nothing behind."""
    with Wire(tmp_path, environment(tmp_path), anew=True) as wire:
        wire.close_input()
        assert wire.ended() == 0
    assert wire.out == b""
    assert list(tmp_path.iterdir()) == []
