"""Table 1: whose call it is, row by row, and what cannot be forged."""

from __future__ import annotations

import pytest

from workflow_mcp.sessions.caller import (
    HANDLE_PREFIX,
    PROCESS_KEY,
    Caller,
    Era,
    Transport,
    handle_key,
    mint_handle,
    session_key,
)

ERAS: tuple[Era, ...] = ("legacy", "2026-07-28")
TRANSPORTS: tuple[Transport, ...] = ("stdio", "memory", "http", "sse")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_legacy_connection_is_a_session(transport: Transport) -> None:
    """A stateful handshake-era connection identifies itself, on every transport."""
    assert session_key(Caller("legacy", transport, connection_id="c1")) == "c1"


@pytest.mark.parametrize("transport", ["stdio", "memory"])
def test_without_a_connection_id_the_process_is_the_session(transport: Transport) -> None:
    """On 2026-07-28 over stdio or in memory the process belongs to one client, whatever ids come and go."""
    assert session_key(Caller("2026-07-28", transport)) == PROCESS_KEY
    assert session_key(Caller("2026-07-28", transport, connection_id="new on every request")) == PROCESS_KEY


@pytest.mark.parametrize("transport", ["http", "sse"])
def test_http_without_a_handle_identifies_nobody(transport: Transport) -> None:
    """On 2026-07-28 over HTTP an id that came with the request, forged or not, is no identity."""
    assert session_key(Caller("2026-07-28", transport)) is None
    assert session_key(Caller("2026-07-28", transport, connection_id="forged")) is None
    assert session_key(Caller("2026-07-28", transport, principal="ann")) is None


def test_stateless_legacy_http_identifies_nobody() -> None:
    """A handshake-era request without a stateful connection has no session, and no other row's."""
    assert session_key(Caller("legacy", "http")) is None


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("handle", ["h", "", PROCESS_KEY, "c1"])
def test_a_handle_comes_first_and_falls_back_to_nothing(era: Era, transport: Transport, handle: str) -> None:
    """With a `session` argument, even an empty one, only that counts: never the connection or the process."""
    key = session_key(Caller(era, transport, connection_id="c1", handle=handle))
    assert key == handle_key(handle, principal=None)
    assert key not in {PROCESS_KEY, "c1", None, handle}


def test_a_handle_is_another_principal_s_no_longer() -> None:
    """The same handle in the hands of nobody, of one and of another principal are three keys."""
    keys = {handle_key("h", principal=name) for name in (None, "", "ann", "bob")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ann", "h"), (None, "annh")),
        (("an", "nh"), ("ann", "h")),
        ((None, "=annh"), ("ann", "h")),
        (("", "h"), (None, "h")),
    ],
)
def test_no_text_moves_between_principal_and_handle(one: tuple[str | None, str], other: tuple[str | None, str]) -> None:
    """A handle cannot be chosen so that it becomes somebody else's key."""
    assert handle_key(one[1], principal=one[0]) != handle_key(other[1], principal=other[0])


@pytest.mark.parametrize("handle", ["\0", "\ud800", "ü", "x" * 100_000, " h", "h "])
def test_any_text_is_a_handle_and_no_two_are_the_same(handle: str) -> None:
    """A malformed handle becomes a key of the ordinary shape, which nobody has."""
    key = handle_key(handle, principal=None)
    assert key.startswith(HANDLE_PREFIX)
    assert len(key) == len(HANDLE_PREFIX) + 64
    assert key != handle_key(handle.strip() + "h", principal=None)


def test_the_key_does_not_tell_the_handle() -> None:
    """What is stored and logged of a handle is its hash."""
    handle = mint_handle()
    assert handle not in handle_key(handle, principal=None)


def test_minted_handles_cannot_be_guessed() -> None:
    """At least 128 bits each, URL-safe, and never twice."""
    handles = {mint_handle() for _ in range(1000)}
    assert len(handles) == 1000
    assert {len(handle) for handle in handles} == {27}
    assert all(character.isalnum() or character in "-_" for handle in handles for character in handle)


def test_only_http_is_the_network() -> None:
    """Whatever describes this process describes the client of stdio and memory only."""
    assert [Caller("legacy", transport).is_http for transport in TRANSPORTS] == [False, False, True, True]
