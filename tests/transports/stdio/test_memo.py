"""The memo: what is kept is read as it was written or not at all, and only by the installation that wrote it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from tests.support import NOBODY, posix_only, root_only, unprivileged
from workflow_mcp.settings import PLUGIN_FOLDERS, PREFIX, Settings, variable_of
from workflow_mcp.transports.stdio import memo as memos
from workflow_mcp.transports.stdio.memo import MAX_ANSWERS, MAX_MEMOS, Memo, memo_of

pytestmark = posix_only
KEY = "k" * 32
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    """A memo that is not there yet."""
    return Memo(str(tmp_path / "openings" / "one"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in place of ours, installed in a small folder, which is also where we are."""
    package = tmp_path / "installed" / "package"
    (package / "room").mkdir(parents=True)
    (package / "room" / "module.py").write_text("a = 1\n")
    monkeypatch.setattr(memos, "PACKAGE", str(package))
    monkeypatch.setattr(sys, "path", ["", str(package.parent)])
    monkeypatch.chdir(tmp_path)
    return package


def test_what_is_put_is_got(memo: Memo) -> None:
    """An answer comes back byte by byte, an empty one too; what is not there is None."""
    assert memo.get(KEY) is None
    assert not memo.is_there()
    memo.put({KEY: ANSWER, "empty": b""})
    assert memo.is_there()
    assert (memo.get(KEY), memo.get("empty"), memo.get("other")) == (ANSWER, b"", None)
    memo.put({KEY: b"later\n"})
    assert memo.get(KEY) == b"later\n"
    assert memo.count() == 2
    memo.drop()
    assert (memo.count(), memo.get(KEY)) == (0, None)


def cut(path: Path) -> None:
    """Half of it was written."""
    path.write_bytes(path.read_bytes()[:-5])


def emptied(path: Path) -> None:
    """Nothing of it was written."""
    path.write_bytes(b"")


def altered(path: Path) -> None:
    """One byte is another."""
    path.write_bytes(path.read_bytes().replace(b"result", b"resulT"))


def for_the_group(path: Path) -> None:
    """A group may write to it."""
    path.chmod(0o660)


def for_everybody(path: Path) -> None:
    """Everybody may write to it."""
    path.chmod(0o602)


def pipe(path: Path) -> None:
    """It is a FIFO, which would hang who opens it."""
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    """It is a folder."""
    path.unlink()
    path.mkdir()


def huge(path: Path) -> None:
    """It is larger than any answer."""
    with path.open("r+b") as file:
        file.truncate(memos.MAX_BYTES + 1)


@pytest.mark.parametrize("spoil", [cut, emptied, altered, for_the_group, for_everybody, pipe, folder, huge])
def test_what_is_not_as_it_was_written_is_not_there(spoil: Callable[[Path], None], memo: Memo) -> None:
    """An answer that is damaged, or that others could have written, is as none."""
    memo.put({KEY: ANSWER})
    spoil(Path(memo.folder, KEY))
    assert memo.get(KEY) is None


@root_only
def test_what_somebody_else_owns_is_not_there(memo: Memo) -> None:
    """Neither another user's answer is taken nor another user's folder, and nothing is written there."""
    memo.put({KEY: ANSWER})
    os.chown(Path(memo.folder, KEY), NOBODY, NOBODY)
    assert memo.get(KEY) is None
    os.chown(memo.folder, NOBODY, NOBODY)
    assert not memo.is_there()
    with pytest.raises(PermissionError):
        memo.put({"other": ANSWER})


def test_a_folder_that_others_can_write_to_is_not_there(memo: Memo) -> None:
    """Others could put answers into it."""
    memo.put({KEY: ANSWER})
    Path(memo.folder).chmod(0o770)
    assert not memo.is_there()
    with pytest.raises(PermissionError):
        memo.put({"other": ANSWER})


def test_nobody_else_can_read_it(memo: Memo) -> None:
    """Folder and answers are their owner's alone."""
    memo.put({KEY: ANSWER})
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (memo.folder, Path(memo.folder, KEY))]
    assert modes == [0o700, 0o600]


def test_a_folder_that_cannot_be_written(memo: Memo) -> None:
    """It is an error, and leaves nothing half-written behind."""
    memo.put({KEY: ANSWER})
    Path(memo.folder).chmod(0o500)

    def put() -> None:
        memo.put({"other": ANSWER})

    with pytest.raises(PermissionError):
        unprivileged(put)
    assert os.listdir(memo.folder) == [KEY]


def test_a_disk_that_is_full(memo: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written whole is removed; what was there stays."""
    memo.put({KEY: ANSWER})
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    monkeypatch.setattr(memos, "MAX_BYTES", 2**30)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            memo.put({"other": ANSWER * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert os.listdir(memo.folder) == [KEY]


def test_it_does_not_grow_for_ever(memo: Memo) -> None:
    """A client whose lines are new every time fills it; then it begins anew. Memos beyond the newest go."""
    memo.put({f"{number:032}": ANSWER for number in range(MAX_ANSWERS)})
    memo.put({KEY: ANSWER})
    assert os.listdir(memo.folder) == [KEY]
    above = Path(memo.folder).parent
    for number in range(MAX_MEMOS + 5):
        other = Memo(str(above / f"{number}"))
        other.put({KEY: ANSWER})
        os.utime(other.folder, (number + 10**9, number + 10**9))
    names = {path.name for path in above.iterdir()}
    assert len(names) == MAX_MEMOS + 1
    assert {"one", str(MAX_MEMOS + 4)} <= names, "the newest stay"


def folder_name(tmp_path: Path, directory: str | None = None, **variables: str) -> str | None:
    """Where the memo of these variables is."""
    found = memo_of({"HOME": "/home/ana", "XDG_CACHE_HOME": str(tmp_path), **variables}, directory)
    return None if found is None else found.folder


def change_module(package: Path) -> None:
    """A file of ours is edited."""
    (package / "room" / "module.py").write_text("a = 22\n")


def touch_module(package: Path) -> None:
    """A file of ours is replaced by one that is as long."""
    os.utime(package / "room" / "module.py", (1, 1))


def add_module(package: Path) -> None:
    """A file of ours is new."""
    (package / "room" / "other.py").touch()


def install(package: Path) -> None:
    """A distribution is installed, removed or replaced by another version."""
    os.utime(package.parent, (1, 1))


def configure(package: Path) -> None:
    """FastMCP would take a setting from the current directory's `.env`."""
    Path(".env").write_text("FASTMCP_LOG_LEVEL=DEBUG\n")


@pytest.mark.parametrize("change", [change_module, touch_module, add_module, install, configure])
def test_another_installation_has_another_memo(change: Callable[[Path], None], package: Path, tmp_path: Path) -> None:
    """Whatever the answers depend on is in the name."""
    before = folder_name(tmp_path)
    assert folder_name(tmp_path) == before
    change(package)
    assert folder_name(tmp_path) not in (before, None)


@pytest.mark.parametrize(
    "variables",
    [
        {"WORKFLOW_MCP_HOOK_TOOL": "1"},
        {"WORKFLOW_MCP_PORT": "nonsense"},
        {"workflow_mcp_port": "nonsense"},
        {"WORKFLOW_MCP_DIRECTORY": "/\udcff"},
        {"CLAUDE_PROJECT_DIR": "/\udcff"},
        {"HOME": "/home/ben"},
        {"XDG_DATA_HOME": "relative"},
        {"FASTMCP_LOG_LEVEL": "nonsense"},
        {"PYTHONPATH": "/elsewhere"},
        {"directory": "/\udcff"},
    ],
)
def test_other_settings_have_another_memo(variables: dict[str, str], package: Path, tmp_path: Path) -> None:
    """A memo is written by a server whose settings were valid: the same settings are."""
    assert folder_name(tmp_path, **variables) != folder_name(tmp_path)


@pytest.mark.parametrize(
    "variables",
    [
        {"WORKFLOW_MCP_DIRECTORY": "/somewhere"},
        {"CLAUDE_PROJECT_DIR": "/somewhere"},
        {"CLAUDE_CODE_SESSION_ID": "any"},
        {"TERM": "xterm"},
        {"directory": "/somewhere"},
    ],
)
def test_what_is_of_one_window_makes_no_other_memo(variables: dict[str, str], package: Path, tmp_path: Path) -> None:
    """What differs between windows and is always valid leaves them one memo."""
    given = dict.fromkeys(variables, "/elsewhere")
    assert folder_name(tmp_path, **variables) == folder_name(tmp_path, **given)
    Path(".env").write_text("TOKEN=secret\n")
    assert folder_name(tmp_path, **variables) == folder_name(tmp_path, **given)


def test_every_setting_is_in_the_name() -> None:
    """Of each variable that `Settings` reads it is known that any text will do, or its value is in the name."""
    others = {name for one in fields(Settings) if (name := variable_of(one)) and not name.startswith(PREFIX)}
    assert others, "there are none: this test could not fail"
    assert others | set(PLUGIN_FOLDERS) <= memos.ANY_TEXT
    assert PREFIX.startswith(memos.PREFIXES)


def test_byte_code_makes_no_other_memo(package: Path, tmp_path: Path) -> None:
    """What Python writes beside our files as it runs is not another installation."""
    before = folder_name(tmp_path)
    (package / "room" / "__pycache__").mkdir()
    (package / "room" / "__pycache__" / "module.pyc").touch()
    assert folder_name(tmp_path) == before


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The current directory was removed."""
    before, here = Path.cwd(), tmp_path / "gone"
    here.mkdir()
    os.chdir(here)
    here.rmdir()
    yield
    os.chdir(before)


@pytest.mark.usefixtures("gone")
def test_no_memo_where_the_current_directory_is_gone(tmp_path: Path) -> None:
    """There a relative `--directory` is an error, which only the real server tells."""
    assert folder_name(tmp_path) is None


@pytest.mark.parametrize("variables", [{"WORKFLOW_MCP_MEMO": "off"}, {"XDG_CACHE_HOME": "relative"}])
def test_no_memo_where_none_is_wanted(variables: dict[str, str], tmp_path: Path) -> None:
    """`WORKFLOW_MCP_MEMO=off`, and a cache that is nowhere."""
    assert folder_name(tmp_path, **variables) is None


def test_the_cache_folder_is_the_platform_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is where platformdirs says the user's cache is."""
    platformdirs = pytest.importorskip("platformdirs")
    for name, value in (("HOME", str(tmp_path)), ("XDG_CACHE_HOME", str(tmp_path / "cache"))):
        monkeypatch.setenv(name, value)
        found = memo_of(os.environ)
        assert found is not None
        assert Path(found.folder).is_relative_to(platformdirs.user_cache_path("workflow-mcp", appauthor=False))
