"""The one small file a config is: written whole or not at all, and only where it may be."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from tests.support import BOUND, NOBODY, posix_only, root_only, unprivileged
from workflow_mcp.errors import ConfigError
from workflow_mcp.workspace.config_files import MAX_CONFIG_BYTES, read_config_file
from workflow_mcp.workspace.config_writing import write_config_file

ANONYMOUS = frozenset[int]()
SYSTEM_CALLS = ("open", "mkdir", "stat", "lstat", "readlink", "rename", "replace", "unlink", "fsync")


def change_to(new: bytes | None) -> Callable[[bytes | None], bytes | None]:
    """A change that does not look at what is there."""
    return lambda _current: new


def test_a_file_is_created_with_its_folder(tmp_path: Path) -> None:
    """The change sees None, the folder is made, and nothing else is left in it."""
    path, seen = tmp_path / "new" / "c", list[bytes | None]()

    def change(current: bytes | None) -> bytes:
        seen.append(current)
        return b"new"

    assert write_config_file(str(path), change) is True
    assert (seen, path.read_bytes()) == ([None], b"new")
    assert os.listdir(path.parent) == ["c"]


@pytest.mark.parametrize("new", [None, b"old"])
def test_a_change_of_nothing_writes_nothing(tmp_path: Path, new: bytes | None) -> None:
    """Neither None nor the same content touches the file."""
    path = tmp_path / "c"
    path.write_bytes(b"old")
    before = path.stat()
    assert write_config_file(str(path), change_to(new)) is False
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    """A file stays as private or as shared as it was."""
    path = tmp_path / "c"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_config_file(str(path), change_to(b"new"))
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


@root_only
def test_the_owner_is_kept(tmp_path: Path) -> None:
    """Root completing somebody's config does not take it away from them."""
    path = tmp_path / "c"
    path.write_bytes(b"old")
    os.chown(path, NOBODY, NOBODY)
    write_config_file(str(path), change_to(b"new"))
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """The link stays a link, the target gets the content, and nothing is left beside either."""
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    (tmp_path / "far" / "target").write_bytes(b"old")
    (tmp_path / "near" / "c").symlink_to(tmp_path / "far" / "target")
    write_config_file(str(tmp_path / "near" / "c"), change_to(b"new"))
    assert (tmp_path / "near" / "c").is_symlink()
    assert (tmp_path / "far" / "target").read_bytes() == b"new"
    assert (os.listdir(tmp_path / "near"), os.listdir(tmp_path / "far")) == (["c"], ["target"])


def test_writers_by_different_links_exclude_each_other(tmp_path: Path) -> None:
    """Whoever changes one file takes one lock, whichever link led there."""
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    tried = []

    def change(_current: bytes | None) -> None:
        with pytest.raises(Timeout):
            FileLock(f"{os.path.realpath(tmp_path)}/target.lock", timeout=0).acquire()
        tried.append(True)

    write_config_file(str(tmp_path / "target"), change)
    write_config_file(str(tmp_path / "link"), change)
    assert tried == [True, True]


def test_a_change_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """An exception of the change is its caller's; no lock and no temporary file is left."""
    path = tmp_path / "c"
    path.write_bytes(b"old")

    def fail(_current: bytes | None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_config_file(str(path), fail)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["c"])
    assert write_config_file(str(path), change_to(b"new")) is True


def test_nothing_is_written_that_could_not_be_read_again(tmp_path: Path) -> None:
    """Content over the limit is refused and the file stays as it was."""
    path = tmp_path / "c"
    path.write_bytes(b"old")
    with pytest.raises(ConfigError) as caught:
        write_config_file(str(path), change_to(b"x" * (MAX_CONFIG_BYTES + 1)))
    assert caught.value.code == "CONFIG_TOO_LARGE"
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["c"])


@posix_only
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A denied permission names the file and changes nothing."""
    (tmp_path / "d").mkdir(mode=0o555)
    with pytest.raises(ConfigError) as caught:
        unprivileged(lambda: write_config_file(str(tmp_path / "d" / "c"), change_to(b"new")))
    assert caught.value.code == "CONFIG_NOT_WRITABLE"
    assert str(tmp_path / "d" / "c") in str(caught.value)
    assert os.listdir(tmp_path / "d") == []


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_something_in_the_folder_s_place_is_told(tmp_path: Path, kind: str) -> None:
    """Where the folder cannot be made, that is said and what is there stays."""
    if kind == "file":
        (tmp_path / "d").write_text("mine")
    else:
        (tmp_path / "d").symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigError) as caught:
        write_config_file(str(tmp_path / "d" / "c"), change_to(b"new"))
    assert caught.value.code == "CONFIG_NOT_WRITABLE"
    assert os.listdir(tmp_path) == ["d"]


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    """A link to nothing is somebody's mistake, not a place to make files or folders."""
    (tmp_path / "c").symlink_to(tmp_path / "missing" / "deep" / "target")
    with pytest.raises(ConfigError) as caught:
        write_config_file(str(tmp_path / "c"), change_to(b"new"))
    assert caught.value.code == "CONFIG_NOT_FOUND"
    assert os.listdir(tmp_path) == ["c"]


def test_a_folder_that_is_a_link_outside_is_not_written_to(tmp_path: Path) -> None:
    """Where writing is confined to a folder, a link in the config folder's place does not lead out of it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "d").symlink_to(tmp_path / "out")
    with pytest.raises(ConfigError) as caught:
        write_config_file(str(tmp_path / "in" / "d" / "c"), change_to(b"new"), within=os.path.realpath(tmp_path / "in"))
    assert caught.value.code == "CONFIG_NOT_ALLOWED"
    assert os.listdir(tmp_path / "out") == []


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    """While a file is replaced again and again, every read is one whole content, with the state that goes with it."""
    path = tmp_path / "c"
    contents = {b"a" * 60_000, b"b" * 50_000}
    path.write_bytes(b"a" * 60_000)
    done = threading.Event()

    def replace() -> None:
        for turn in range(40):
            write_config_file(str(path), change_to(b"ab"[turn % 2 : turn % 2 + 1] * (60_000 - 10_000 * (turn % 2))))
        done.set()

    writer = threading.Thread(target=replace, daemon=True)
    writer.start()
    while not done.is_set():
        data, state = read_config_file(str(path), owners=ANONYMOUS)
        assert data in contents
        assert state.size == len(data)
    writer.join(BOUND)
    assert not writer.is_alive()


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    """Threads that each add a line to one file add all of them."""
    path = str(tmp_path / "d" / "c")

    def add() -> None:
        for _ in range(10):
            write_config_file(path, lambda current: (current or b"") + b"x")

    threads = [threading.Thread(target=add, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
        assert not thread.is_alive()
    assert Path(path).read_bytes() == b"x" * 40
    assert os.listdir(tmp_path / "d") == ["c"]


def test_a_change_is_asked_for_once_wherever_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever system call fails, `change` runs at most once, the file is whole, and nothing is left beside it."""
    path = tmp_path / "c"
    outcomes = []
    for failing in range(1, 30):
        path.write_bytes(b"old")
        asked: list[bytes | None] = []

        def change(current: bytes | None, asked: list[bytes | None] = asked) -> bytes:
            asked.append(current)
            return b"new"

        with monkeypatch.context() as patched:
            calls = CountedCalls(patched, ("open", "replace", "fsync", "unlink"), failing, full_disk)
            try:
                outcomes.append(write_config_file(str(path), change))
            except ConfigError:
                outcomes.append(False)
        assert len(asked) <= 1
        assert path.read_bytes() in (b"old", b"new")
        (tmp_path / "c.lock").unlink(missing_ok=True)
        if calls.count < failing:
            break
    assert outcomes[-1] is True
    assert outcomes.count(False) >= 4, "the calls that can fail were made to"


@posix_only
@pytest.mark.parametrize("exchanged", ["p", "p/.workflow-mcp"])
@pytest.mark.parametrize("content", [None, b"old"])
def test_a_directory_that_is_exchanged_for_a_link_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanged: str, content: bytes | None
) -> None:
    """Before whichever system call that happens, nothing is made outside of the allowed root: no config, no lock."""
    written, refused = 0, 0
    for number in range(1, 200):
        base = tmp_path / str(number)
        path, outside = base / "in/p/.workflow-mcp/config.json", base / "out"
        path.parent.mkdir(parents=True)
        outside.mkdir()
        if content is not None:
            path.write_bytes(content)
        elif exchanged == "p":
            path.parent.rmdir()

        def exchange(base: Path = base) -> None:
            (base / "in" / exchanged).rename(base / "in" / "real")
            (base / "in" / exchanged).symlink_to(base / "out")

        with monkeypatch.context() as patched:
            calls = CountedCalls(patched, SYSTEM_CALLS, number, exchange)
            try:
                written += write_config_file(str(path), change_to(b"new"), within=os.path.realpath(base / "in"))
            except ConfigError:
                refused += 1
        assert os.listdir(outside) == [], f"before call {number}"
        if calls.count < number:
            break
    assert path.read_bytes() == b"new", "undisturbed, it is written"
    assert written >= 5
    assert refused >= 2


def full_disk() -> None:
    """What a system call says on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class CountedCalls:
    """Counts system calls of `os`, and does something just before one of them.

    Args:
        patched: undoes it.
        names: the functions that are counted.
        number: before which call `action` is done, counted from 1.
        action: what is done; may raise in place of the call.
    """

    def __init__(
        self, patched: pytest.MonkeyPatch, names: tuple[str, ...], number: int, action: Callable[[], None]
    ) -> None:
        self.count = 0
        self._number = number
        self._action = action
        for name in names:
            patched.setattr(os, name, self._counting(getattr(os, name)))

    def _counting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count == self._number:
                self._number = 0
                self._action()
            return function(*args, **kwargs)

        return counted
