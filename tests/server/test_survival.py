"""What outlives a process that was killed, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.protocol import MODERN, Era
from tests.clients.stdio import Wire, environment

CLAUDE = "0b6f6b1e-6c3f-4f6e-9d35-5d1f3f1c7a01"
OTHER = "0b6f6b1e-6c3f-4f6e-9d35-5d1f3f1c7a02"


@contextmanager
def server(home: Path, era: Era, session_id: str | None) -> Iterator[Wire]:
    """A server as Claude Code starts it for a session, in a directory that says nothing; killed at the end.

    The conversation is yet to be opened, so that several can start at the same time.
    """
    named = {} if session_id is None else {"CLAUDE_CODE_SESSION_ID": session_id}
    wire = Wire(Path("/"), environment(home, **named), era)
    try:
        yield wire
    finally:
        wire.kill()


def where(wire: Wire, session: str | None = None) -> tuple[str | None, str | None]:
    """The directory of a call, and its source."""
    data = wire.call("get_working_directory", session=session).data
    return data["directory_source"], data["directory"]


def test_a_killed_server_is_found_again(era: Era, tmp_path: Path) -> None:
    """After kill -9 the same Claude Code session finds its directory, and a handle is good unless it was ended."""
    with server(tmp_path, era, CLAUDE) as first:
        first.open()
        first.call("set_working_directory", directory=str(tmp_path))
        kept, ended = (
            first.call("set_working_directory", directory="/usr", new_session=True).data["session"] for _ in range(2)
        )
        first.call("end_session", session=ended)
    with server(tmp_path, era, CLAUDE) as again:
        again.open()
        assert where(again) == ("session", str(tmp_path))
        assert where(again, kept) == ("session", "/usr")
        assert again.call("get_working_directory", session=ended).code == "SESSION_UNKNOWN"
        again.call("end_session")
        assert where(again) == (None, None)


def test_who_finds_it(tmp_path: Path) -> None:
    """Claude Code's session is the same in the other era, and not that of another or of an unnamed client."""
    with server(tmp_path, "legacy", CLAUDE) as first, server(tmp_path, MODERN, None) as unnamed:
        for wire in (first, unnamed):
            wire.open()
            wire.call("set_working_directory", directory=str(tmp_path))
    with (
        server(tmp_path, MODERN, CLAUDE) as again,
        server(tmp_path, MODERN, OTHER) as other,
        server(tmp_path, MODERN, None) as unnamed,
    ):
        for wire in (again, other, unnamed):
            wire.open()
        assert where(again) == ("session", str(tmp_path))
        assert where(other) == (None, None)
        assert where(unnamed) == (None, None)
        other.call("set_working_directory", directory="/usr")
        assert where(again) == ("session", str(tmp_path))
        again.call("end_session")
    with server(tmp_path, "legacy", CLAUDE) as last:
        last.open()
        assert where(last) == (None, None), "what was ended stays ended"


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """Where nothing can be saved the session works on, and the answer says that it will not survive."""
    (tmp_path / "data").touch()
    with server(tmp_path, "legacy", CLAUDE) as wire:
        wire.open()
        done = wire.call("set_working_directory", directory=str(tmp_path))
        assert "could not be saved" in done.data["message"]
        assert where(wire) == ("session", str(tmp_path))
        health = wire.call("health_check").data
        assert health["status"] == "degraded"
        assert health["data_error"].startswith(f"STORE_READ_ONLY: the data directory {tmp_path / 'data'} ")


def test_the_store_holds_no_secrets(tmp_path: Path) -> None:
    """Whoever reads the data directory finds neither a handle nor Claude Code's session id, and only the owner may."""
    with server(tmp_path, "legacy", CLAUDE) as wire:
        wire.open()
        wire.call("set_working_directory", directory=str(tmp_path))
        handle = wire.call("set_working_directory", directory=str(tmp_path), new_session=True).data["session"]
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        text = str(path) + path.read_text()
        assert handle not in text
        assert CLAUDE not in text
    assert (tmp_path / "data" / "sessions").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("cure", ["set_working_directory", "end_session"])
def test_what_was_set_and_cannot_be_read_is_no_other_directory(cure: str, era: Era, tmp_path: Path) -> None:
    """A damaged session refuses every call that would need it, until its client says where it works, or ends it."""
    with server(tmp_path, era, CLAUDE) as first:
        first.open()
        first.call("set_working_directory", directory=str(tmp_path))
    (entry,) = (tmp_path / "data" / "sessions" / "sessions").glob("*.json")
    entry.write_bytes(entry.read_bytes()[:20])
    with server(tmp_path, era, CLAUDE) as again:
        again.open()
        for tool in ("get_working_directory", "list_work_items", "init_project"):
            assert again.call(tool).code == "SESSION_UNREADABLE"
        assert "SESSION_UNREADABLE" in again.call("health_check").data["workspace_error"]
        if cure == "set_working_directory":
            assert again.call(cure, directory="/usr").data["directory"] == "/usr"
            assert where(again) == ("session", "/usr")
        else:
            assert again.call(cure).data["ended"]
            assert where(again) == (None, None)
