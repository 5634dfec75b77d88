"""What the operator and the launcher say, and what is refused of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import posix_only
from workflow_mcp.errors import UsageError
from workflow_mcp.settings import load_settings


def test_the_defaults_need_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable there are settings: everything allowed, the process's own directory and home."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.allowed_roots == ()
    assert (settings.directory, settings.claude_project_dir, settings.claude_session_id) == (None, None, None)
    assert settings.process_directory == os.path.realpath(tmp_path)
    assert settings.home == str(Path.home())
    assert settings.data_dir.is_absolute()
    assert settings.max_sessions == 10_000


def test_variables_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable reaches its field."""
    monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "d"))
    monkeypatch.setenv("WORKFLOW_MCP_ALLOWED_ROOTS", os.pathsep.join(["/a", "", "/b c"]))
    monkeypatch.setenv("WORKFLOW_MCP_MAX_SESSIONS", "5")
    monkeypatch.setenv("WORKFLOW_MCP_LOG_LEVEL", "debug")
    monkeypatch.setenv("WORKFLOW_MCP_FILE_TIMEOUT", "0.5")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", "/p")
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "s")
    settings = load_settings()
    assert settings.data_dir == tmp_path / "d"
    assert settings.allowed_roots == (Path("/a"), Path("/b c"))
    assert (settings.max_sessions, settings.log_level, settings.file_timeout) == (5, "DEBUG", 0.5)
    assert (settings.claude_project_dir, settings.claude_session_id) == ("/p", "s")


def test_what_is_passed_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument is nearer than a variable; None stands for not given."""
    monkeypatch.setenv("WORKFLOW_MCP_MAX_SESSIONS", "5")
    monkeypatch.setenv("WORKFLOW_MCP_DIRECTORY", "/env")
    assert load_settings(max_sessions=7, directory=None).max_sessions == 7
    assert load_settings(directory=None).directory == "/env"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that passes empty variables on changes nothing."""
    for name in (
        "WORKFLOW_MCP_DATA_DIR",
        "WORKFLOW_MCP_ALLOWED_ROOTS",
        "WORKFLOW_MCP_MAX_SESSIONS",
        "CLAUDE_PROJECT_DIR",
    ):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.allowed_roots, settings.max_sessions, settings.claude_project_dir) == ((), 10_000, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_SESSIONS", "0"),
        ("MAX_SESSIONS", "many"),
        ("FILE_TIMEOUT", "0"),
        ("FILE_TIMEOUT", "nan"),
        ("FILE_TIMEOUT", "inf"),
        ("FILE_TIMEOUT", "-1"),
        ("FILE_TIMEOUT", "301"),
        ("ROOTS_TIMEOUT", "x"),
        ("LOG_LEVEL", "LOUD"),
        ("ALLOWED_ROOTS", "relative"),
        ("ALLOWED_ROOTS", "/a:~/b"),
        ("ALLOWED_ROOTS", "${HOME}"),
        ("ALLOWED_ROOTS", ":"),
        ("DATA_DIR", "relative"),
        ("DATA_DIR", "${XDG_DATA_HOME}/x"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that does not fit is one line with the variable and the value; it never means its default."""
    monkeypatch.setenv(f"WORKFLOW_MCP_{name}", value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    line = str(caught.value)
    assert line.startswith("SETTING_INVALID: ")
    assert f"WORKFLOW_MCP_{name}" in line
    assert value in line
    assert "Next: " in line
    assert len(line.splitlines()) == 1


@posix_only
def test_a_process_whose_directory_is_gone_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server started in a directory that was removed starts, without a directory of its own."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_settings().process_directory is None


@posix_only
def test_a_user_without_a_home_can_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container whose user id nobody knows and without HOME, naming a data dir is enough, and nothing less."""
    monkeypatch.delenv("HOME")
    if os.geteuid() != 0:
        pytest.skip("only root can become a user that the system does not know")
    os.setresuid(54_321, 54_321, 0)
    try:
        with pytest.raises(UsageError, match="WORKFLOW_MCP_DATA_DIR"):
            load_settings()
        settings = load_settings(data_dir="/srv/data")
    finally:
        os.setresuid(0, 0, 0)
    assert not os.path.isdir(settings.home)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ana:s3cret@host/db",
        "postgresql://ana:s3cret@host",
        "postgresql://ana:s3cret@host/",
        "postgresql://ana:s3@cret@host/db",
        "postgresql://ana:s3cret@host:port/db",
        "s3cret",
    ],
)
def test_a_wrong_database_url_is_refused_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password, and so may the part of it that is wrong."""
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", url)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert caught.value.code == "SETTING_INVALID"
    assert "WORKFLOW_MCP_DATABASE_URL" in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_database_url_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are settings that hold it."""
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", "postgresql://ana:s3cret@host/db")
    settings = load_settings()
    assert settings.known_database_url == "postgresql://ana:s3cret@host/db"
    assert "s3cret" not in f"{settings!r} {settings}"


def test_names_of_variables_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, whose variables have no case; variables of other programs are left alone."""
    monkeypatch.setenv("workflow_mcp_max_sessions", "5")
    monkeypatch.setenv("WORKFLOW_MCP_NOTHING", "x")
    monkeypatch.setenv("HOST", "elsewhere")
    settings = load_settings()
    assert (settings.max_sessions, settings.host) == (5, "127.0.0.1")
