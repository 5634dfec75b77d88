"""The one small file a config is: read without hanging."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.support import NOBODY, posix_only, root_only, unprivileged
from workflow_mcp.errors import ConfigError
from workflow_mcp.workspace.config_files import MAX_CONFIG_BYTES, fingerprint, is_inside, read_config_file

ANONYMOUS = frozenset[int]()


def both_refuse(path: Path | str, *, owners: frozenset[int] = ANONYMOUS) -> str:
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
    data, state = read_config_file(str(path), owners=ANONYMOUS)
    assert data == b"content"
    assert state == fingerprint(str(path), owners=ANONYMOUS)
    assert (state.size, state.inode) == (7, path.stat().st_ino)


def test_64_kib_are_allowed_and_not_a_byte_more(tmp_path: Path) -> None:
    """The limit itself fits; one byte over, 70 KiB and a sparse terabyte are refused by their size."""
    path = tmp_path / "c"
    path.write_bytes(b" " * MAX_CONFIG_BYTES)
    assert len(read_config_file(str(path), owners=ANONYMOUS)[0]) == 65_536
    for size in (MAX_CONFIG_BYTES + 1, 70 * 1024, 1 << 40):
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
        unprivileged(lambda: read_config_file(str(tmp_path / "c"), owners=ANONYMOUS))
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
        read_config_file(str(tmp_path / "in" / "c"), owners=ANONYMOUS, within=within)
    assert caught.value.code == "CONFIG_NOT_ALLOWED"
    assert read_config_file(str(tmp_path / "in" / "d"), owners=ANONYMOUS, within=within)[0] == b"fine"


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
