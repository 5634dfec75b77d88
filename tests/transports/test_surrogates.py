"""Half characters in requests, on every transport."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clients.agents import make_project
from tests.clients.http import HttpClient
from tests.clients.protocol import ERAS, MODERN, Era, Message
from tests.clients.stdio import Wire, environment
from workflow_mcp.transports.surrogates import whole_characters

UNITS = st.lists(st.sampled_from(["\ud83d", "\ude80", "🚀", "\\", "u", "d83d", '"', "x", "\n"]))
HALF = "\ud83d"


@given(UNITS.map("".join))
def test_halves_are_replaced(text: str) -> None:
    """Whatever stands around it, a half becomes U+FFFD, and all else stays: pairs, and backslashes before a `u`."""
    given_text = json.dumps(text).encode()
    joined = json.loads(given_text)
    assert json.loads(whole_characters(given_text)) == "".join(
        "\ufffd" if "\ud800" <= one <= "\udfff" else one for one in joined
    )


def test_upper_case_escapes() -> None:
    """Hexadecimal digits may be upper case."""
    assert whole_characters(rb'"\uD83D \uD83D\uDE80 \\uD83D"') == rb'"\ufffd \uD83D\uDE80 \\uD83D"'


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("tools/call", {"name": "list_work_items", "arguments": {"text": HALF}}),
    ("tools/call", {"name": "create_work_items", "arguments": {"items": [{"title": HALF}], HALF: 1}}),
    ("tools/call", {"name": HALF, "arguments": {}}),
    ("tools/call", {"name": "list_work_items", "arguments": {"session": HALF}}),
    ("resources/read", {"uri": f"workflow://work-items/{HALF}"}),
    ("prompts/get", {"name": "plan_work", "arguments": {"goal": HALF}}),
    (HALF, {}),
]


@pytest.mark.parametrize("era", ERAS)
def test_every_request_with_a_half_character_gets_an_answer(tmp_path: Path, era: Era) -> None:
    """Over stdio, wherever in a request it stands; a title with one is stored with U+FFFD in its place."""
    folder = make_project(tmp_path, "halves")
    with Wire(folder, environment(tmp_path), era=era) as wire:
        wire.open()
        for method, params in CALLS:
            response: Message = wire.exchange(method, params)
            assert {"result", "error"} & response.keys()
        assert '"cut \ufffd"' in wire.call("create_work_items", items=[{"title": f"cut {HALF}"}]).text


async def test_over_http_too(url: str, tmp_path: Path) -> None:
    """The same answer as over stdio, where the SDK's parser refuses the whole request."""
    header = ("X-Workflow-Directory", str(make_project(tmp_path, "halves")))
    async with HttpClient(url, MODERN, (header,)) as client:
        assert '"cut \ufffd"' in (await client.call("create_work_items", items=[{"title": f"cut {HALF}"}])).text
