"""A whole conversation is answered alike whatever state the memo is in, in both eras."""

from __future__ import annotations

import pytest

from tests.clients.memo import STATES, State, answers_in, put
from tests.clients.protocol import ERAS, MODERN, Era
from tests.support import posix_only
from tests.transports.stdio.conversations import begin_in, whole_conversation, without_differences
from tests.transports.stdio.talks import LISTS, Answers, Windows

pytestmark = posix_only
Held = tuple[list[Answers], dict[str, bytes]]


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    """Windows in a project that nobody has worked in."""
    windows = Windows(tmp_path_factory.mktemp("conversations"))
    windows.work.mkdir()
    begin_in(windows.work)
    return windows


@pytest.fixture(scope="module")
def held(at_work: Windows) -> dict[Era, Held]:
    """What is answered without a memo, and what a memo keeps of it."""
    made = {}
    for era in ERAS:
        cache, said = at_work.new_cache(), whole_conversation(era)
        at_work.forget()
        without = without_differences(at_work.hold(said))
        at_work.hold(said[:2], cache)
        made[era] = without, answers_in(at_work.memo(cache))
        assert len(made[era][1]) == 1 + len(LISTS) + (era != MODERN)
    return made


def check(at_work: Windows, held: Held, state: State, era: Era, *, anew: bool) -> None:
    """Hold the conversation with a memo in this state."""
    without, kept = held
    cache = at_work.new_cache()
    put(at_work.memo(cache), kept, state)
    at_work.forget()
    assert without_differences(at_work.hold(whole_conversation(era), cache, anew=anew)) == without
    assert answers_in(at_work.memo(cache)).items() >= kept.items()


@pytest.mark.parametrize("state", STATES)
def test_every_answer_is_the_same(state: State, era: Era, at_work: Windows, held: dict[Era, Held]) -> None:
    """Of refusals, pages, prompts, cancelled calls and lines that are none, too; and the memo is good afterwards."""
    check(at_work, held[era], state, era, anew=False)


# A start takes a second: what the copies do is what a process does, so not each state in each era.
@pytest.mark.parametrize(
    ("state", "era"),
    [
        ("fresh", MODERN),
        ("fresh", "legacy"),
        ("stale", "legacy"),
        ("broken", MODERN),
        *(pytest.param(*one, marks=pytest.mark.soak) for one in (("stale", MODERN), ("broken", "legacy"))),
    ],
)
def test_every_answer_of_a_new_process_is_the_same(
    state: State, era: Era, at_work: Windows, held: dict[Era, Held]
) -> None:
    """So it is where everything is imported first."""
    check(at_work, held[era], state, era, anew=True)
