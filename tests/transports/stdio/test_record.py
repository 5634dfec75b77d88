"""The record: what is kept of an opening, and what a client is not told a second time."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.clients.memo import answers_in
from tests.process.test_streams import OPENING, asking, data
from tests.support import posix_only
from tests.transports.stdio.conftest import kept
from workflow_mcp.transports.stdio import memo as memos
from workflow_mcp.transports.stdio.memo import Memo
from workflow_mcp.transports.stdio.opening import Opening
from workflow_mcp.transports.stdio.record import Record

pytestmark = posix_only
INITIALIZE, INITIALIZED = map(data, OPENING)
TOOLS, PROMPTS = asking(1, "tools/list"), asking(1, "prompts/list")
CLOSED = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "Connection closed"}}) + "\n"


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    """A memo that is not there yet."""
    return Memo(str(tmp_path / "openings" / "one"))


def result(number: object, text: str) -> str:
    """A line of the real server."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": {"text": text}}) + "\n"


def record_after(memo: Memo, *said: tuple[dict[str, Any], str]) -> Record:
    """The record of a client that has been answered so from the memo, and whose lines the real server has read."""
    opening = Opening(memo)
    opening.given = kept(*((data(asked), answer.encode()) for asked, answer in said))
    if said:
        memo.put(opening.given)
    record = Record(opening)
    for asked, _ in said:
        record.asked(data(asked))
    return record


def test_an_answer_is_kept_under_all_that_was_asked(memo: Memo) -> None:
    """The next window that asks the same is answered the same."""
    record = record_after(memo)
    for line, answer in ((INITIALIZE, result(0, "hello")), (INITIALIZED, None), (data(TOOLS), result(1, "tools"))):
        record.asked(line)
        assert answer is None or record.answered(answer) == answer
    record.close()
    lines = ((INITIALIZE, result(0, "hello").encode()), (INITIALIZED, b""), (data(TOOLS), result(1, "tools").encode()))
    assert answers_in(memo) == kept(*lines)


@pytest.mark.parametrize("order", [("tools", "prompts"), ("prompts", "tools")])
def test_two_requests_in_flight_with_one_id(order: tuple[str, str], memo: Memo) -> None:
    """Which answer is whose cannot be told: both are sent, and neither is kept."""
    record = record_after(memo)
    record.asked(data(TOOLS))
    record.asked(data(PROMPTS))
    assert [record.answered(result(1, text)) for text in order] == [result(1, text) for text in order]
    record.close()
    assert not memo.is_there()


def test_an_id_that_was_used_before(memo: Memo) -> None:
    """Of a request whose id has been answered nothing is kept, nor of what comes after it."""
    record = record_after(memo)
    for asked, answer in ((TOOLS, "tools"), (PROMPTS, "prompts"), (asking(2, "prompts/list"), "prompts")):
        record.asked(data(asked))
        number = asked["id"]
        assert record.answered(result(number, answer)) == result(number, answer)
    record.close()
    assert answers_in(memo) == kept((data(TOOLS), result(1, "tools").encode()))


@pytest.mark.parametrize("order", [("tools", "prompts"), ("prompts", "tools"), ("tools", "tools")])
def test_the_id_of_what_was_given_is_used_again(order: tuple[str, str], memo: Memo) -> None:
    """What the client has is not sent again, and the other answer is, in whichever order they come."""
    record = record_after(memo, (TOOLS, result(1, "tools")))
    record.asked(data(asking(1, f"{order[1]}/call")))
    sent = [text for number in order if (text := record.answered(result(1, number)))]
    assert sent == [result(1, order[1] if order[1] == order[0] else "prompts")]
    record.close()
    assert memo.count() == 1


@pytest.mark.parametrize("number", [True, 1.0, None, [1], {"a": 1}])
def test_an_id_that_is_none(number: object, memo: Memo) -> None:
    """It is not taken for another one that Python calls equal, and ends what is kept."""
    record = record_after(memo)
    record.asked(data(TOOLS))
    record.asked(data({**PROMPTS, "id": number}))
    assert record.answered(result(1, "tools")) == result(1, "tools")
    assert record.answered(result(number if number != [1] else None, "other"))
    record.close()
    assert answers_in(memo) == kept((data(TOOLS), result(1, "tools").encode()))


@pytest.mark.parametrize("method", [[], {}, None, 1])
def test_a_method_that_is_none(method: object, memo: Memo) -> None:
    """It is no part of an opening, and what came before it is kept."""
    record = record_after(memo)
    record.asked(data(TOOLS))
    record.asked(data({**asking(2), "method": method}))
    record.answered(result(1, "tools"))
    record.close()
    assert answers_in(memo) == kept((data(TOOLS), result(1, "tools").encode()))


def test_a_number_and_a_text_are_two_ids(memo: Memo) -> None:
    """`1` and `"1"` are answered and kept each for itself."""
    record = record_after(memo)
    texts = {**PROMPTS, "id": "1"}
    record.asked(data(TOOLS))
    record.asked(data(texts))
    record.answered(result("1", "prompts"))
    record.answered(result(1, "tools"))
    record.close()
    lines = ((data(TOOLS), result(1, "tools").encode()), (data(texts), result("1", "prompts").encode()))
    assert answers_in(memo) == kept(*lines)


def test_a_response_of_the_client_uses_no_id(memo: Memo) -> None:
    """The server's requests have ids of their own: an answer to one is no second request."""
    record = record_after(memo)
    record.asked(data(TOOLS))
    record.asked(data({"jsonrpc": "2.0", "id": 1, "result": {"roots": []}}))
    record.answered(result(1, "tools"))
    record.close()
    assert memo.count() == 1


def test_several_requests_in_one_line(memo: Memo) -> None:
    """A batch is no part of an opening."""
    record = record_after(memo)
    record.asked(json.dumps([TOOLS, PROMPTS]).encode() + b"\n")
    record.asked(data(TOOLS))
    record.answered(result(1, "tools"))
    record.close()
    assert not memo.is_there()


def test_a_client_that_leaves_before_it_is_answered_again(memo: Memo) -> None:
    """What the end of the input cuts off is no other answer: the client is told nothing, and the memo stays."""
    record = record_after(memo, (TOOLS, result(1, "tools")))
    assert record.answered(CLOSED) == ""
    record.close()
    assert answers_in(memo) == kept((data(TOOLS), result(1, "tools").encode()))


def test_an_error_in_place_of_what_was_given(memo: Memo, caplog: pytest.LogCaptureFixture) -> None:
    """The memo is dropped, and no window is given the error."""
    record = record_after(memo, (TOOLS, result(1, "tools")))
    assert record.answered(CLOSED.replace("-32000", "-32603")) == ""
    record.close()
    assert memo.count() == 0
    assert "the memo had another answer to tools/list than this server; it is dropped" in caplog.text


def test_a_full_disk(memo: Memo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is not written, nothing half-written stays, and the client has its answers."""

    class Full(io.FileIO):
        """A file on a full disk: a few bytes of it are written."""

        def write(self, data: Any) -> int:
            super().write(bytes(data)[:5])
            raise OSError(errno.ENOSPC, "No space left on device", self.name)

    caplog.set_level("INFO")
    monkeypatch.setattr(memos, "open", Full, raising=False)
    record = record_after(memo)
    record.asked(data(TOOLS))
    assert record.answered(result(1, "tools")) == result(1, "tools")
    record.close()
    assert os.listdir(memo.folder) == []
    assert "the memo cannot be written: [Errno 28] No space left on device" in caplog.text
