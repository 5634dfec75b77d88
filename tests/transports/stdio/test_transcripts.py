"""Whatever a client says, however it is cut into pieces: it is answered from a memo as it is without one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients.protocol import SHOWS_APPS, Era
from tests.support import posix_only
from tests.transports.stdio.talks import (
    CALL,
    INITIALIZE,
    INITIALIZED,
    LISTS,
    Answers,
    Said,
    Windows,
    as_json,
    numbered,
    opening_of,
)
from workflow_mcp.server.catalog import BOARD_TOOLS

pytestmark = posix_only
OPENINGS = ("initialize", "server/discover", "ping", *LISTS)
OTHERS: dict[str, dict[str, Any]] = {
    "tools/call": CALL,
    "tools/call of nothing": {"name": "nothing", "arguments": {}},
    "tools/list": {"cursor": "nowhere"},
    "prompts/get": {"name": "plan_work", "arguments": {"goal": "rest"}},
    "no/method": {},
}
BROKEN = (
    b"\n",
    b"{\n",
    b"[]\n",
    b"null\n",
    b"\xff\xfe{}\n",
    b'{"jsonrpc":"2.0","id":true,"method":"ping"}\n',
    b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n',
    b'{"jsonrpc":"2.0","id":[1],"method":"ping"}\n',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n',
    b'{"jsonrpc":"2.0","id":1,"method":[]}\n',
    b'{"jsonrpc":"2.0","id":1,"method":{}}\n',
    b'{"jsonrpc":"2.0","id":1,"result":{}}\n',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"never"}}\n',
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]\n',
)
IDS = (1, 2, "1", "\ud83d", "\ufffd")

OPENING = st.sampled_from(OPENINGS).map(lambda name: (name, INITIALIZE if name == "initialize" else {}))
REQUEST = OPENING | OPENING | st.sampled_from(sorted(OTHERS.items()))


@st.composite
def conversations(draw: st.DrawFn) -> list[Said]:
    """What a client says, of one era or the other or of both; it mostly begins as clients do."""
    is_modern = draw(st.booleans())
    head = draw(st.sampled_from([[], ["begin"], ["begin"]]))
    begin = ("server/discover", {}) if is_modern else ("initialize", INITIALIZE)
    requests = [begin] * len(head) + draw(st.lists(REQUEST, max_size=6))
    ids = draw(st.lists(st.none() | st.none() | st.sampled_from(IDS), min_size=len(requests), max_size=len(requests)))
    lines = numbered([(*request, number) for request, number in zip(requests, ids, strict=True)], is_modern=is_modern)
    if head and not is_modern:
        lines.insert(1, INITIALIZED)
    for broken in draw(st.lists(st.sampled_from((*BROKEN, INITIALIZED)), max_size=2)):
        lines.insert(draw(st.integers(0, len(lines))), broken)
    ends = sorted(draw(st.sets(st.integers(0, len(lines)), max_size=3)) | {0, len(lines)})
    cuts = st.lists(st.integers(0, 1000), max_size=3).map(tuple)
    return [Said(tuple(lines[start:end]), draw(cuts)) for start, end in pairwise(ends)]


def check_same_with_and_without(windows: Windows, before: Sequence[Said], conversation: Sequence[Said]) -> None:
    """After a window in which something else was said, this is answered as it is without a memo."""
    cache, without = windows.new_cache(), windows.hold(conversation)
    windows.hold(before, cache)
    for _ in range(2):
        assert windows.hold(conversation, cache) == without


REPEATED = numbered(
    [("server/discover", {}, 1), ("tools/list", {}, 2), ("prompts/list", {}, 2), ("tools/call", CALL, 2)],
    is_modern=True,
)
AT_ONCE, ONE_BY_ONE = [Said(tuple(REPEATED))], [Said((one,)) for one in REPEATED]


@settings(max_examples=12, deadline=None)
@example(before=ONE_BY_ONE, conversation=ONE_BY_ONE)
@example(before=ONE_BY_ONE, conversation=AT_ONCE)
@example(before=AT_ONCE, conversation=ONE_BY_ONE)
@given(before=conversations(), conversation=conversations())
def test_the_same_with_a_memo_and_without(windows: Windows, before: list[Said], conversation: list[Said]) -> None:
    """Each gets the answers it would get, once, in any state of the memo that windows before it have left."""
    check_same_with_and_without(windows, before, conversation)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=1000, deadline=None)
@given(before=conversations(), conversation=conversations())
def test_the_same_for_long(windows: Windows, before: list[Said], conversation: list[Said]) -> None:
    """The long form."""
    check_same_with_and_without(windows, before, conversation)


def with_apps(conversation: Sequence[Said]) -> list[Said]:
    """The same said by a client that shows apps."""
    nothing, declared = b'apabilities": {}', b'apabilities": ' + as_json({"extensions": SHOWS_APPS})
    return [Said(tuple(line.replace(nothing, declared) for line in said.lines)) for said in conversation]


def test_a_memo_keeps_both_apart(era: Era, windows: Windows) -> None:
    """Either is answered from it as without it, in whatever order they come; what is asked names what is declared."""
    plain, host = opening_of(era), with_apps(opening_of(era))
    assert plain[0] != host[0]
    alone: list[list[Answers]] = [windows.hold(plain), windows.hold(host)]
    assert [BOARD_TOOLS[0] in str(answers) for answers in alone] == [False, True]
    cache = windows.new_cache()
    assert [windows.hold(one, cache) for one in (plain, host, plain, host)] == alone * 2
    assert windows.memo(cache).count() > len(plain[1].lines) * 2
