"""What directory a client names: in a header, or as the first of its roots."""

from __future__ import annotations

import pytest

from tests.support import posix_only
from workflow_mcp.errors import DirectoryError
from workflow_mcp.workspace.client_directories import directory_from_headers, directory_from_roots
from workflow_mcp.workspace.directories import check_directory


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        ([], None),
        (["file:///work/a"], "/work/a"),
        (["file://localhost/work/a"], "/work/a"),
        (["FILE:///work/a"], "/work/a"),
        (["file:///work/a%20b%23c%25d%C3%BC%0Ae"], "/work/a b#c%dü\ne"),
        (["file:///work/a%2520b"], "/work/a%20b"),
        (["https://example.org/a"], None),
        (["https://example.org/a", "untitled:x", "file:///second"], "/second"),
        (["file:///first", "file:///second"], "/first"),
        (["file:///"], "/"),
        (["file:///trailing/"], "/trailing/"),
        (["file:///work/a#2"], "/work/a#2"),
        (["file:///work/a?b#c"], "/work/a?b#c"),
        (["file://[broken", "file:///second"], "/second"),
    ],
)
@posix_only
def test_the_first_file_root_counts(uris: list[str], expected: str | None) -> None:
    """The first `file://` root, decoded; others are passed over."""
    assert directory_from_roots(uris) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/work/a", "/work/a"),
        ("/work/a b", "/work/a b"),
        ("/work/a%20b", "/work/a b"),
        ("/work/%C3%BC", "/work/ü"),
        ("/work/ü".encode().decode("latin-1"), "/work/ü"),
        ("/work/ü", "/work/ü"),
        ("/work/100%", "/work/100%"),
        ("${PWD}", "${PWD}"),
        ("", None),
    ],
)
def test_a_header_is_decoded(value: str, expected: str | None) -> None:
    """A header is UTF-8, else Latin-1, and may be percent-encoded; an empty one is none."""
    assert directory_from_headers((value,)) == expected


def test_no_header_and_two_headers() -> None:
    """Without the header it says nothing; sent twice it is refused, because either could be meant."""
    assert directory_from_headers(()) is None
    with pytest.raises(DirectoryError, match="HEADER_TWICE"):
        directory_from_headers(("/a", "/b"))


def test_what_a_header_hides_is_checked_after_decoding() -> None:
    """An encoded NUL is refused like a plain one."""
    hidden = directory_from_headers(("/a%00b",))
    assert hidden is not None
    with pytest.raises(DirectoryError, match="DIRECTORY_HAS_NUL"):
        check_directory(hidden, "header")
