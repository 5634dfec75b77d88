"""Table 2's sources one by one, and what makes a directory usable."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support import posix_only, unprivileged
from workflow_mcp.errors import DirectoryError
from workflow_mcp.workspace.directories import UNEXPANDED, check_directory, process_directory


def refusal(given: str, *, allowed_roots: tuple[Path, ...] = ()) -> DirectoryError:
    """The error for a directory that must be refused, after checking that it is one printable line."""
    with pytest.raises(DirectoryError) as caught:
        check_directory(given, "session", allowed_roots=allowed_roots)
    line = str(caught.value)
    assert line.startswith(f"{caught.value.code}: ")
    assert "Next: " in line
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    line.encode()
    return caught.value


@pytest.mark.parametrize("given", ["", ".", "a/b", "./a", "../a", "C:\\work" if os.name == "posix" else "a\\b"])
def test_a_relative_path_is_refused(given: str) -> None:
    """A relative path means another directory to the client than to the server."""
    error = refusal(given)
    assert error.code == "DIRECTORY_NOT_ABSOLUTE"
    assert repr(given) in str(error)


@pytest.mark.parametrize("given", ["~", "~/work", "~root"])
def test_a_tilde_is_not_expanded(given: str) -> None:
    """`~` is the client's shell's business; the error says so."""
    error = refusal(given)
    assert error.code == "DIRECTORY_NOT_ABSOLUTE"
    assert "~" in error.message
    assert "not expanded" in error.message


@pytest.mark.parametrize("given", ["${PWD}", "/work/${PROJECT}/x", "${CLAUDE_PROJECT_DIR}", "${PWD:-}"])
def test_an_unexpanded_variable_is_named(given: str) -> None:
    """A variable that arrives literally is named as such."""
    error = refusal(given)
    assert error.code == "VARIABLE_NOT_SET"
    assert given in str(error)


@pytest.mark.parametrize(
    ("given", "code", "searched"),
    [
        ("${a:-" * 8_000, "DIRECTORY_TOO_LONG", []),
        ("}" + "${a:-" * 8_000, "DIRECTORY_TOO_LONG", []),
        ("/" + "${a:-" * 800, "DIRECTORY_TOO_LONG", [0]),
        ("/" + "${a" * 1_300 + "}", "VARIABLE_NOT_SET", [3_902]),
        ("/" + "${a:-" * 800 + "}", "VARIABLE_NOT_SET", [4_002]),
    ],
    ids=["long", "closed-before", "open", "names", "closed"],
)
def test_looking_for_variables_takes_linear_time(
    given: str, code: str, searched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked for in no text that is too long, and not where nothing closes them: it was 1.4 s for 40 kB."""
    ends = list[int]()

    class Unexpanded:
        """The pattern, which notes where each search ends."""

        @staticmethod
        def search(text: str, start: int, end: int) -> re.Match[str] | None:
            ends.append(end)
            return UNEXPANDED.search(text, start, end)

    monkeypatch.setattr("workflow_mcp.workspace.directories.UNEXPANDED", Unexpanded)
    assert refusal(given).code == code
    assert ends == searched


def test_a_dollar_sign_may_be_part_of_a_name(tmp_path: Path) -> None:
    """Only what `.mcp.json` would have expanded counts as a variable."""
    for name in ("$HOME", "a$b", "${", "{PWD}", "$(x)"):
        (tmp_path / name).mkdir()
        assert check_directory(str(tmp_path / name), "session").path == str(tmp_path / name)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    """What does not exist is not a working directory."""
    error = refusal(str(tmp_path / "missing"))
    assert error.code == "DIRECTORY_NOT_FOUND"
    assert "missing" in str(error)


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    """A link to nothing is nothing."""
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    assert refusal(str(tmp_path / "link")).code == "DIRECTORY_NOT_FOUND"


@posix_only
def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """A loop of links ends in an error, at once."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refusal(str(tmp_path / "loop")).code == "DIRECTORY_UNREADABLE"


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_file_is_no_directory(tmp_path: Path, mode: int) -> None:
    """A file, executable or not, and a path through a file are refused as such."""
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(mode)
    assert refusal(str(path)).code == "DIRECTORY_IS_FILE"
    assert refusal(str(path / "below")).code == "DIRECTORY_IS_FILE"


@posix_only
def test_a_fifo_is_no_directory_and_hangs_nobody(tmp_path: Path) -> None:
    """A FIFO is refused without being opened."""
    os.mkfifo(tmp_path / "fifo")
    assert refusal(str(tmp_path / "fifo")).code == "DIRECTORY_IS_FILE"


@posix_only
@pytest.mark.parametrize("mode", [0o000, 0o300, 0o600])
def test_an_unreadable_directory_is_refused(tmp_path: Path, mode: int) -> None:
    """A directory that cannot be listed, or entered, cannot be worked in."""
    closed = tmp_path / "closed"
    (closed / "below").mkdir(parents=True)
    closed.chmod(mode)
    assert unprivileged(lambda: refusal(str(closed))).code == "DIRECTORY_UNREADABLE"
    if not mode & 0o100:
        assert unprivileged(lambda: refusal(str(closed / "below"))).code == "DIRECTORY_UNREADABLE"
    closed.chmod(0o700)


def test_a_nul_is_refused() -> None:
    """A NUL never reaches the system."""
    assert refusal("/a\0b").code == "DIRECTORY_HAS_NUL"


def test_a_lone_surrogate_is_refused() -> None:
    """Text that no file system encoding can hold is refused in printable words."""
    assert refusal("/a\ud800b").code == "DIRECTORY_NOT_TEXT"


def test_the_length_is_counted_in_bytes(tmp_path: Path) -> None:
    """4096 bytes are the limit; a name the file system finds too long is refused the same way."""
    assert refusal("/" + "a/" * 2048).code == "DIRECTORY_TOO_LONG"
    assert refusal("/" + "ü" * 2048).code == "DIRECTORY_TOO_LONG"
    assert "4097" in str(refusal("/" + "ü" * 2048))
    assert refusal(str(tmp_path / ("a" * 256))).code == "DIRECTORY_TOO_LONG"
    assert refusal("/" + "a" * 1_000_000).code == "DIRECTORY_TOO_LONG"


@pytest.mark.parametrize("name", ["a b", "a#b", "a%b", "a%20b", "ü", "日本", "new\nline", "quo'te", "a\\b", "-x", " "])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    """A directory is called what it is called."""
    if os.name != "posix" and not name.isprintable():
        pytest.skip("no such names here")
    (tmp_path / name).mkdir()
    checked = check_directory(str(tmp_path / name), "session")
    assert (checked.path, checked.resolved) == (str(tmp_path / name), os.path.realpath(tmp_path / name))


def test_paths_are_made_normal(tmp_path: Path) -> None:
    """Trailing and doubled slashes, `.` and `..` leave no trace."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    wanted = str(tmp_path / "a")
    for given in (f"{wanted}/", f"{wanted}//", f"{wanted}/.", f"{wanted}/b/..", f"{tmp_path}//a", f"/{wanted}"):
        assert check_directory(given, "session").path == wanted
    assert check_directory("/", "session").path == "/"
    assert check_directory("//", "session").path == "/"
    assert check_directory("/..", "session").path == "/"


def test_a_link_keeps_its_name_and_shows_its_target(tmp_path: Path) -> None:
    """The path is the one the client uses; what it really is stands beside it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    checked = check_directory(str(tmp_path / "link"), "header")
    assert (checked.path, checked.resolved) == (str(tmp_path / "link"), os.path.realpath(tmp_path / "real"))
    assert checked.source == "header"


def test_dots_after_a_link_go_up_from_its_target(tmp_path: Path) -> None:
    """`link/..` is the target's parent, as the kernel has it, not the link's."""
    (tmp_path / "one" / "real").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "link").symlink_to(tmp_path / "one" / "real")
    assert check_directory(str(tmp_path / "two" / "link" / ".."), "session").path == os.path.realpath(tmp_path / "one")


def test_allowed_roots_hold(tmp_path: Path) -> None:
    """Inside an allowed root, or the root itself, is allowed; beside it, though the name begins the same, is not."""
    roots = (tmp_path / "allowed", tmp_path / "also")
    for name in ("allowed/in", "also", "allowed-not", "other"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("allowed", "allowed/in", "also"):
        checked = check_directory(str(tmp_path / name), "session", allowed_roots=roots)
        assert checked.root is not None
    for name in ("allowed-not", "other", "allowed/../other", ""):
        error = refusal(str(tmp_path / name), allowed_roots=roots)
        assert error.code == "DIRECTORY_NOT_ALLOWED"
        assert "WORKFLOW_MCP_ALLOWED_ROOTS" in str(error)


def test_no_link_leads_out_of_the_allowed_roots(tmp_path: Path) -> None:
    """A link inside a root to a directory outside is outside, and so is what is below it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / "below").mkdir(parents=True)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    for name in ("link", "link/below", "link/.."):
        assert refusal(str(tmp_path / "in" / name), allowed_roots=(tmp_path / "in",)).code == "DIRECTORY_NOT_ALLOWED"


def test_a_link_into_an_allowed_root_is_inside(tmp_path: Path) -> None:
    """Where a directory really is decides, and a root that is a link itself stands for its target."""
    (tmp_path / "in" / "below").mkdir(parents=True)
    (tmp_path / "root").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "in" / "below")
    checked = check_directory(str(tmp_path / "elsewhere"), "session", allowed_roots=(tmp_path / "root",))
    assert checked.root == os.path.realpath(tmp_path / "in")


def test_outside_the_allowed_roots_everything_looks_the_same(tmp_path: Path) -> None:
    """Whether something exists outside the roots, and what it is, cannot be told by asking."""
    (tmp_path / "in").mkdir()
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    codes = {
        refusal(str(tmp_path / name), allowed_roots=(tmp_path / "in",)).code
        for name in ("directory", "file", "missing", "dangling", "file/below", "missing/below")
    }
    assert codes == {"DIRECTORY_NOT_ALLOWED"}


@posix_only
def test_trusted_owners_are_the_directory_s_and_root(tmp_path: Path) -> None:
    """Whose files count in a directory: its owner's and root's."""
    assert check_directory(str(tmp_path), "session").trusted_owners == {tmp_path.stat().st_uid, 0}


@posix_only
@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (None, None),
        ("/", None),
        ("/home/ann", None),
        ("/home/ann/work", "/home/ann/work"),
        ("/home", "/home"),
        ("/home/ann2", "/home/ann2"),
        ("/usr/lib/python3/site-packages", None),
        ("/usr/lib/python3/dist-packages/x", None),
        ("/work/node_modules/x", None),
        ("/home/ann/.cache/uv/x", None),
        ("/work/my-site-packages", "/work/my-site-packages"),
    ],
)
def test_the_process_s_own_directory(current: str | None, expected: str | None) -> None:
    """The root, the home and what was installed or cached are nobody's project."""
    assert process_directory(current, home="/home/ann") == expected


def test_a_home_that_is_a_link_is_the_home(tmp_path: Path) -> None:
    """The home directory counts as such under its real name too."""
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "real")
    real = os.path.realpath(tmp_path / "real")
    assert process_directory(real, home=str(tmp_path / "home")) is None
