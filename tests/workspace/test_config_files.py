"""The one small file a config is: read without hanging, written without tearing."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from tests.support import BOUND, NOBODY, posix_only, root_only, unprivileged
from workflow_mcp.errors import ConfigError
from workflow_mcp.workspace.config_files import MAX_BYTES, fingerprint, is_inside, read_config_file, write_config_file

ANYBODY = frozenset[int]()


def both_refuse(path: Path | str, *, owners: frozenset[int] = ANYBODY) -> str:
    """The code with which looking at the file and reading it are both refused."""
    with pytest.raises(ConfigError) as looked:
        fingerprint(str(path), owners=owners)
    with pytest.raises(ConfigError) as read:
        read_config_file(str(path), owners=owners)
    assert looked.value.code == read.value.code
    assert os.path.basename(path) in str(read.value)
    assert len(str(read.value).splitlines()) == 1
    return read.value.code


def test_a_file_is_read_with_its_state(tmp_path: Path) -> None:
    """Content and state belong together."""
    path = tmp_path / "c"
    path.write_bytes(b"content")
    data, state = read_config_file(str(path), owners=ANYBODY)
    assert data == b"content"
    assert state == fingerprint(str(path), owners=ANYBODY)
    assert (state.size, state.inode) == (7, path.stat().st_ino)


def test_64_kib_are_allowed_and_not_a_byte_more(tmp_path: Path) -> None:
    """The limit itself fits; one byte over, 70 KiB and a sparse terabyte are refused by their size."""
    path = tmp_path / "c"
    path.write_bytes(b" " * MAX_BYTES)
    assert len(read_config_file(str(path), owners=ANYBODY)[0]) == 65_536
    for size in (MAX_BYTES + 1, 70 * 1024, 1 << 40):
        with path.open("wb") as file:
            file.truncate(size)
        assert both_refuse(path) == "CONFIG_TOO_LARGE"


@posix_only
def test_what_is_no_regular_file_is_refused_unopened(tmp_path: Path) -> None:
    """A directory, a FIFO, a socket, a device, and links to them; none of them hangs the reader."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "tty").symlink_to("/dev/tty")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    here = Path.cwd()
    os.chdir(tmp_path)  # a socket's path may not be long
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
    finally:
        os.chdir(here)
    for name in ("directory", "fifo", "zero", "tty", "link", "socket"):
        if (tmp_path / name).exists():
            assert both_refuse(tmp_path / name) == "CONFIG_NOT_A_FILE"


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    """A link to nothing is there and broken."""
    (tmp_path / "c").symlink_to(tmp_path / "nothing")
    assert both_refuse(tmp_path / "c") == "CONFIG_NOT_FOUND"


@posix_only
def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """A loop of links is there and broken."""
    (tmp_path / "c").symlink_to(tmp_path / "c")
    assert both_refuse(tmp_path / "c") == "CONFIG_UNREADABLE"


@posix_only
def test_a_denied_permission_is_told(tmp_path: Path) -> None:
    """A file that may be looked at but not read is refused when it is read."""
    (tmp_path / "c").write_bytes(b"{}")
    (tmp_path / "c").chmod(0)
    with pytest.raises(ConfigError) as caught:
        unprivileged(lambda: read_config_file(str(tmp_path / "c"), owners=ANYBODY))
    assert caught.value.code == "CONFIG_UNREADABLE"


@root_only
def test_somebody_else_s_file_is_refused(tmp_path: Path) -> None:
    """Only the named owners' files are read."""
    path = tmp_path / "c"
    path.write_bytes(b"{}")
    os.chown(path, NOBODY, NOBODY)
    assert both_refuse(path, owners=frozenset({0, 1000})) == "CONFIG_FOREIGN_OWNER"
    assert read_config_file(str(path), owners=frozenset({0, NOBODY}))[0] == b"{}"
    (tmp_path / "link").symlink_to(path)
    assert both_refuse(tmp_path / "link", owners=frozenset({0})) == "CONFIG_FOREIGN_OWNER"


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    """Where reading is confined to a folder, a link out of it is not followed."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_bytes(b"secret")
    (tmp_path / "in" / "c").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "d").write_bytes(b"fine")
    within = os.path.realpath(tmp_path / "in")
    with pytest.raises(ConfigError) as caught:
        read_config_file(str(tmp_path / "in" / "c"), owners=ANYBODY, within=within)
    assert caught.value.code == "CONFIG_NOT_ALLOWED"
    assert read_config_file(str(tmp_path / "in" / "d"), owners=ANYBODY, within=within)[0] == b"fine"


@pytest.mark.parametrize(
    ("path", "root", "inside"),
    [
        ("/a", "/a", True),
        ("/a/b", "/a", True),
        ("/ab", "/a", False),
        ("/", "/", True),
        ("/a", "/", True),
        ("/a", "/a/b", False),
    ],
)
@posix_only
def test_inside(path: str, root: str, inside: bool) -> None:
    """Inside is the folder itself or below it, never a name that begins the same."""
    assert is_inside(path, root) is inside


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
        write_config_file(str(path), change_to(b"x" * (MAX_BYTES + 1)))
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
        data, state = read_config_file(str(path), owners=ANYBODY)
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
