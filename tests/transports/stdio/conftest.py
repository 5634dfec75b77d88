"""What openings are answered from: the real server's answers, had once for all tests of a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.memo import answers_in, memo_for
from tests.clients.protocol import ERAS, Message
from tests.clients.stdio import Wire, environment
from tests.transports.stdio.talks import LISTS, Windows
from workflow_mcp.transports.stdio.memo import digest

Spoken = dict[str, list[Message]]


def open_whole(wire: Wire) -> list[Message]:
    """Ask all that an opening can consist of; gives the answers."""
    first = wire.open()
    return [first, *(wire.request(method) for method in LISTS)]


def kept(*said: tuple[bytes, bytes]) -> dict[str, bytes]:
    """What a memo holds when these lines were answered so, one after the other."""
    asked, answers = digest(), dict[str, bytes]()
    for line, answer in said:
        asked.update(line)
        answers[asked.hexdigest()] = answer
    return answers


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Spoken]:
    """What a memo holds of an opening in each era, and what the real server answered in it."""
    home = tmp_path_factory.mktemp("recorded")
    env, spoken = environment(home), Spoken()
    for era in ERAS:
        with Wire(home, env, era, anew=True) as wire:
            spoken[era] = open_whole(wire)
    return answers_in(memo_for(home, env)), spoken


@pytest.fixture
def answers(recorded: tuple[dict[str, bytes], Spoken]) -> dict[str, bytes]:
    """What a memo holds."""
    return recorded[0]


@pytest.fixture
def spoken(recorded: tuple[dict[str, bytes], Spoken]) -> Spoken:
    """What the real server answered in an opening, by era."""
    return recorded[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of a user who has used the server before."""
    return tmp_path


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    """Windows of a user who has never been here."""
    home = tmp_path_factory.mktemp("transcripts")
    (home / "work").mkdir()
    return Windows(home)
