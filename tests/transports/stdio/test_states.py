"""Whatever state a memo is in: every window is answered as without one, byte for byte, in both eras."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.memo import answers_in
from tests.clients.protocol import ERAS, MODERN, Era
from tests.support import NOBODY, posix_only, root_only
from tests.transports.stdio.talks import LISTS, Answers, Said, Windows, opening_of
from tests.transports.stdio.test_memo import altered, cut, emptied, folder, for_everybody, huge, pipe

pytestmark = posix_only


Kept = dict[str, bytes]


@pytest.fixture(scope="module")
def openings(windows: Windows) -> dict[Era, tuple[list[Answers], Kept]]:
    """What an opening is answered without a memo, and what it leaves in one."""
    made = {}
    for era in ERAS:
        cache, said = windows.new_cache(), opening_of(era)
        without = windows.hold(said)
        assert windows.hold(said, cache) == without
        made[era] = without, answers_in(windows.memo(cache))
        assert len(made[era][1]) == 1 + len(LISTS) + (era != MODERN)
    return made


@pytest.fixture
def without(openings: dict[Era, tuple[list[Answers], Kept]], era: Era) -> list[Answers]:
    """What an opening is answered without a memo."""
    return openings[era][0]


@pytest.fixture
def kept(openings: dict[Era, tuple[list[Answers], Kept]], era: Era) -> Kept:
    """What an opening leaves in a memo."""
    return openings[era][1]


def test_a_memo_is_what_windows_are_answered_from(era: Era, windows: Windows, kept: Kept) -> None:
    """What stands in the memo is what a client gets: so these windows do use it."""
    cache = windows.new_cache()
    windows.memo(cache).put({key: answer.replace(b"workflow-mcp", b"another-mcp") for key, answer in kept.items()})
    (first,) = windows.hold(opening_of(era)[:1], cache)[0]
    assert "another-mcp" in first


def foreign(path: Path) -> None:
    """It is another user's."""
    os.chown(path, NOBODY, NOBODY)


SPOILT = [cut, emptied, altered, for_everybody, pipe, folder, huge, pytest.param(foreign, marks=root_only)]


@pytest.mark.parametrize("spoil", SPOILT)
def test_answers_that_cannot_be_used(
    spoil: Callable[[Path], None], era: Era, windows: Windows, without: list[Answers], kept: Kept
) -> None:
    """Whatever has become of a memo's files, a client gets what it gets without one."""
    cache = windows.new_cache()
    memo = windows.memo(cache)
    memo.put(kept)
    for name in list(kept)[::2]:
        spoil(Path(memo.folder, name))
    assert windows.hold(opening_of(era), cache) == without


def a_file(memo: Path) -> None:
    """A file is there."""
    memo.touch()


def leads_nowhere(memo: Path) -> None:
    """A symbolic link to nothing is there."""
    memo.symlink_to(memo.parent / "nowhere")


def open_to_all(memo: Path) -> None:
    """Others can write into it."""
    memo.mkdir()
    memo.chmod(0o777)


def no_cache(memo: Path) -> None:
    """The cache folder is a file, so that nothing can be made in it."""
    above = memo.parents[2]
    shutil.rmtree(above)
    above.touch()


@pytest.mark.parametrize("put", [a_file, leads_nowhere, open_to_all, no_cache])
def test_a_memo_that_cannot_be_made(
    put: Callable[[Path], None], era: Era, windows: Windows, without: list[Answers]
) -> None:
    """Where no memo can be kept none is, and every window is answered as without one."""
    cache, said = windows.new_cache(), opening_of(era)
    memo = Path(windows.memo(cache).folder)
    memo.parent.mkdir(parents=True)
    put(memo)
    assert [windows.hold(said, cache) for _ in range(2)] == [without] * 2
    assert not windows.memo(cache).is_there()


def test_a_client_that_starts_it_twice(era: Era, windows: Windows, without: list[Answers], kept: Kept) -> None:
    """One to look, and one to use: both are answered, also while the memo is being made."""
    cache, said = windows.new_cache(), opening_of(era)
    for _ in range(2):
        probe, used = windows.open(cache), windows.open(cache)
        probe.say(said[0])
        assert probe.answers(1) == without[0]
        probe.say(Said(said[1].lines[:1]))
        assert used.hold(said) == without
        assert probe.leave() <= without[1]
    assert answers_in(windows.memo(cache)) == kept


def test_ten_windows_at_once_without_a_memo(era: Era, windows: Windows, without: list[Answers], kept: Kept) -> None:
    """All are answered, and leave one memo that is whole."""
    cache, (*said, call) = windows.new_cache(), opening_of(era)
    ten = [windows.open(cache) for _ in range(10)]
    for one in said:
        for window in ten:
            window.say(one)
    for number, one in enumerate((*said, call)):
        for window in ten:
            if one is call:
                window.say(one)
            assert window.answers(one.expected()) == without[number]
    assert [window.leave() for window in ten] == [Counter()] * 10
    assert answers_in(windows.memo(cache)) == kept
    assert windows.hold([*said, call], cache) == without
