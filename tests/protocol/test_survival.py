"""What outlives a process that was killed, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.protocol.wire import MODERN, Answer, Era, Wire, environment

CLAUDE = "0b6f6b1e-6c3f-4f6e-9d35-5d1f3f1c7a01"
OTHER = "0b6f6b1e-6c3f-4f6e-9d35-5d1f3f1c7a02"


@contextmanager
def server(home: Path, era: Era, session_id: str | None) -> Iterator[Wire]:
    """A server as Claude Code starts it for a session, in a directory that says nothing; killed at the end."""
    named = {} if session_id is None else {"CLAUDE_CODE_SESSION_ID": session_id}
    wire = Wire(Path("/"), environment(home, **named), era)
    try:
        wire.open()
        yield wire
    finally:
        wire.kill()


def directory(answer: Answer) -> tuple[str | None, str | None]:
    """The directory of an answer, and its source."""
    return answer.data["directory_source"], answer.data["directory"]


def test_a_killed_server_is_found_again(era: Era, tmp_path: Path) -> None:
    """After kill -9, the same Claude Code session finds its directory; another session and none find nothing."""
    with server(tmp_path, era, CLAUDE) as first:
        first.call("set_working_directory", directory=str(tmp_path))
    with server(tmp_path, era, CLAUDE) as again, server(tmp_path, era, OTHER) as other:
        assert directory(again.call("get_working_directory")) == ("session", str(tmp_path))
        assert directory(other.call("get_working_directory")) == (None, None)
        other.call("set_working_directory", directory="/usr")
        assert directory(again.call("get_working_directory")) == ("session", str(tmp_path))
    with server(tmp_path, era, None) as unnamed:
        assert directory(unnamed.call("get_working_directory")) == (None, None)


def test_it_is_found_in_the_other_era(tmp_path: Path) -> None:
    """Claude Code may speak another era after an update: the session is the same."""
    with server(tmp_path, "legacy", CLAUDE) as first:
        first.call("set_working_directory", directory=str(tmp_path))
    with server(tmp_path, MODERN, CLAUDE) as again:
        assert directory(again.call("get_working_directory")) == ("session", str(tmp_path))


def test_handles_survive_and_what_was_ended_does_not(era: Era, tmp_path: Path) -> None:
    """A handle is good in the next process too; a session or handle that was ended, or set without a name, is not."""
    with server(tmp_path, era, CLAUDE) as first:
        first.call("set_working_directory", directory=str(tmp_path))
        kept, ended = (
            first.call("set_working_directory", directory=str(tmp_path), new_session=True).data["session"]
            for _ in range(2)
        )
        first.call("end_session")
        first.call("end_session", session=ended)
    with server(tmp_path, era, CLAUDE) as again:
        assert directory(again.call("get_working_directory")) == (None, None)
        assert directory(again.call("get_working_directory", session=kept)) == ("session", str(tmp_path))
        assert again.call("get_working_directory", session=ended).code == "UNKNOWN_SESSION"


def test_nothing_survives_without_a_name(tmp_path: Path) -> None:
    """Without CLAUDE_CODE_SESSION_ID a connection's session ends with its process: the next client is another one."""
    with server(tmp_path, MODERN, None) as first:
        first.call("set_working_directory", directory=str(tmp_path))
    with server(tmp_path, MODERN, None) as again:
        assert directory(again.call("get_working_directory")) == (None, None)


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """Where nothing can be saved the session works on, and the answer says that it will not survive."""
    (tmp_path / "data").touch()
    with server(tmp_path, "legacy", CLAUDE) as wire:
        done = wire.call("set_working_directory", directory=str(tmp_path))
        assert "could not be saved" in done.data["message"]
        assert directory(wire.call("get_working_directory")) == ("session", str(tmp_path))


def test_the_store_holds_no_secrets(tmp_path: Path) -> None:
    """Whoever reads the data directory finds neither a handle nor Claude Code's session id, and only the owner may."""
    with server(tmp_path, "legacy", CLAUDE) as wire:
        wire.call("set_working_directory", directory=str(tmp_path))
        handle = wire.call("set_working_directory", directory=str(tmp_path), new_session=True).data["session"]
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        text = str(path) + path.read_text()
        assert handle not in text
        assert CLAUDE not in text
    assert (tmp_path / "data" / "sessions").stat().st_mode & 0o077 == 0
