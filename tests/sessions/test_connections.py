"""What is known of connections: which client is asked for its roots."""

from __future__ import annotations

from tests.support import FakeClock
from workflow_mcp.sessions.caller import PROCESS_KEY
from workflow_mcp.sessions.connections import ROOTS_RETRY_SECONDS, Connections


def test_a_client_that_does_not_answer_is_left_alone_for_five_minutes() -> None:
    """They count from the first time that it did not answer, and for its connection alone."""
    connections = Connections(clock=(clock := FakeClock()))
    connections.roots_asked(PROCESS_KEY, answered=False)
    clock.advance(ROOTS_RETRY_SECONDS - 1)
    connections.roots_asked(PROCESS_KEY, answered=False)
    assert (connections.may_ask_for_roots(PROCESS_KEY), connections.may_ask_for_roots("other")) == (False, True)
    clock.advance(1)
    assert connections.may_ask_for_roots(PROCESS_KEY)


def test_an_answer_or_the_end_of_the_connection_ends_the_five_minutes() -> None:
    """A client that has answered can be asked; a new connection is a new client."""
    connections = Connections(clock=FakeClock())
    connections.roots_asked("c", answered=False)
    connections.roots_asked("c", answered=True)
    assert connections.may_ask_for_roots("c")
    connections.roots_asked("c", answered=False)
    connections.closed("c")
    assert connections.may_ask_for_roots("c")


def test_a_clock_that_is_set_back_ends_the_five_minutes() -> None:
    """Nobody goes by another directory for longer because the time was corrected."""
    connections = Connections(clock=(clock := FakeClock()))
    connections.roots_asked("c", answered=False)
    clock.advance(-3600)
    assert connections.may_ask_for_roots("c")
