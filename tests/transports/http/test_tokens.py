"""The tokens file: what it may say, who may read it, and what happens when it changes."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import posix_only
from workflow_mcp.errors import UsageError
from workflow_mcp.transports.http.tokens import TokenFile, read_tokens

ANN, BOB = "ann-0123456789abcdef", "bob:0123456789#abcdef"


def write(path: Path, *lines: str, mode: int = 0o600) -> Path:
    """A tokens file; one that is there is replaced, as editors do."""
    new = path.with_suffix(".new")
    new.write_text("\n".join(lines), encoding="utf-8")
    new.chmod(mode)
    os.replace(new, path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Ann's and Bob's tokens."""
    return write(tmp_path / "tokens", "# who may come in", "", f"ann:{ANN}", f"  bob:{BOB}  ", "\t# that is all")


def refusal(path: Path) -> UsageError:
    """Why a file is refused."""
    with pytest.raises(UsageError) as refused:
        read_tokens(path)
    return refused.value


def test_the_name_is_the_principal(path: Path) -> None:
    """Each token leads to its own name; what else is in the file is comment and white space."""
    tokens = TokenFile(path)
    assert (tokens.principal(ANN), tokens.principal(BOB)) == ("ann", "bob")
    assert [token.name for token in read_tokens(path)] == ["ann", "bob"]


@pytest.mark.parametrize(
    "secret", ["", "ann", ANN[:-1], ANN + "x", ANN.upper(), f"ann:{ANN}", "ünïcødé" * 9, "A" * 10**6]
)
def test_anything_else_is_nobodys(path: Path, secret: str) -> None:
    """Whatever is not exactly a token belongs to nobody, and breaks nothing."""
    assert TokenFile(path).principal(secret) is None


def test_tokens_are_kept_as_hashes(path: Path) -> None:
    """What stays in memory is the SHA-256 of a token."""
    ann, _ = read_tokens(path)
    assert ann.digest == hashlib.sha256(ANN.encode()).digest()
    assert ANN not in repr(ann)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["ann"], "line 1"),
        (["# one", f"ann:{ANN}", "bob:tooshort"], "line 3"),
        ([f":{ANN}"], "line 1"),
        ([f"ann smith:{ANN}"], "line 1"),
        ([f"{'a' * 65}:{ANN}"], "line 1"),
        ([f"änn:{ANN}"], "line 1"),
        ([f"ann:{ANN}", f"bob:{ANN}"], "two lines have the same token"),
        (["# nobody"], "there is no token in it"),
        ([], "there is no token in it"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, lines: list[str], said: str) -> None:
    """A file that cannot be understood is refused whole, by name and line, and shows no token."""
    error = refusal(write(tmp_path / "tokens", *lines))
    assert (error.code, said in error.message) == ("TOKENS_INVALID", True)
    assert str(tmp_path / "tokens") in error.message
    assert ANN not in str(error)
    assert "tooshort" not in str(error)


def test_one_principal_may_have_two_tokens(tmp_path: Path) -> None:
    """A token can be replaced without a moment in which nobody can log in."""
    tokens = TokenFile(write(tmp_path / "tokens", f"ann:{ANN}", f"ann:{ANN}-new"))
    assert (tokens.principal(ANN), tokens.principal(f"{ANN}-new")) == ("ann", "ann")


@posix_only
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o601, 0o620])
def test_others_may_not_touch_it(path: Path, mode: int) -> None:
    """A file that anybody but its owner may read or write is refused, with the command that cures it."""
    path.chmod(mode)
    error = refusal(path)
    assert (error.code, error.next_step) == ("TOKENS_NOT_PRIVATE", f"chmod 600 {path}")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    """A missing file, a directory and bytes that are no text are refused as unreadable."""
    noise = tmp_path / "noise"
    noise.write_bytes(b"ann:\xff\xfe" + b"\x80" * 32)
    noise.chmod(0o600)
    assert {refusal(path).code for path in (tmp_path / "gone", tmp_path, noise)} == {"TOKENS_UNREADABLE"}


def test_a_change_counts_at_once(path: Path) -> None:
    """Who is added can come in and who is removed cannot, from the next request on."""
    tokens = TokenFile(path)
    write(path, f"eve:{ANN}-eve")
    assert tokens.principal(f"{ANN}-eve") == "eve"
    assert tokens.principal(ANN) is None


def test_a_change_of_name_counts(path: Path) -> None:
    """A token that is given to somebody else is theirs."""
    tokens = TokenFile(path)
    write(path, f"eve:{ANN}", f"bob:{BOB}")
    assert tokens.principal(ANN) == "eve"


def test_a_change_for_the_worse_shuts_everybody_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that becomes wrong, public or missing lets nobody in, and the log says why; once cured it counts."""
    tokens = TokenFile(path)
    spoilers: list[Callable[[], object]] = [lambda: write(path, f"ann:{ANN}", "nonsense"), path.unlink]
    for spoil in spoilers:
        spoil()
        with caplog.at_level(logging.ERROR):
            caplog.clear()
            assert tokens.principal(ANN) is None
            assert tokens.principal(ANN) is None
        messages = [record.message.partition(":")[0] for record in caplog.records]
        assert messages == ["all tokens are refused"], "said once"
        assert ANN not in caplog.text
        write(path, f"ann:{ANN}")
        assert tokens.principal(ANN) == "ann"


@posix_only
def test_a_file_that_becomes_public(path: Path) -> None:
    """A change of mode alone is noticed."""
    tokens = TokenFile(path)
    path.chmod(0o644)
    assert tokens.principal(ANN) is None
    path.chmod(0o600)
    assert tokens.principal(ANN) == "ann"
