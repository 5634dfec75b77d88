"""What a request may be made of is bounded before it is validated, on every transport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.clients.peers import Connect
from workflow_mcp.errors import Code, UsageError, WorkItemError
from workflow_mcp.server.arguments import ItemIds, NewWorkItems, WorkItemUpdates
from workflow_mcp.server.limits import (
    MAX_DEPTH,
    MAX_KEYS,
    MAX_PARAMETER_VALUES,
    MAX_VALUES,
    check_arguments,
    check_parameters,
    count_values,
    parse_json,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def nested(depth: int) -> list[Any]:
    """An empty list inside of lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def values_in(value: Any) -> int:
    """How many values a JSON value is made of, but for itself."""
    below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return len(below) + sum(map(values_in, below))


@given(JSON, st.booleans())
def test_no_value_is_missed(value: Any, ascii_only: bool) -> None:
    """The count that is taken without parsing is never lower than what parsing would make."""
    assert count_values(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")) >= values_in(value)


@given(st.text())
def test_what_is_inside_of_texts_is_no_value(text: str) -> None:
    """Text that looks like values, however it is escaped, is not taken for them once there seem to be too many."""
    document = json.dumps([text, "," * (MAX_VALUES + 1)])
    assert count_values(document.encode()) == 2


def test_very_many_texts_are_too_many() -> None:
    """More texts than could ever be let through are refused without being told apart."""
    assert count_values(b"[" + b'"",' * (3 * MAX_VALUES) + b"1]") > MAX_VALUES


@pytest.mark.parametrize(
    "value",
    [
        [0] * (MAX_VALUES + 1),
        [[0] * 5_000] * 5,
        {"items": [{str(number): 0 for number in range(MAX_KEYS + 1)}]},
        {"a" * 201: 0},
        nested(MAX_DEPTH + 1),
        nested(900),
    ],
    ids=["values", "values-below", "keys", "key", "depth", "depths"],
)
def test_arguments_made_of_too_much(value: Any) -> None:
    """Too many values, keys or levels, or too long a key, are refused by name."""
    with pytest.raises(UsageError) as refused:
        check_arguments(value)
    assert refused.value.code == Code.ARGUMENT_INVALID
    assert len(str(refused.value)) < 200


def test_as_much_as_is_allowed() -> None:
    """The bounds themselves are inside."""
    check_arguments([0] * MAX_VALUES)
    check_arguments(nested(MAX_DEPTH))
    check_arguments({str(number): 0 for number in range(MAX_KEYS)})
    check_parameters({"_meta": [0] * (MAX_PARAMETER_VALUES - 2), "uri": "u" * 65_535})


def test_parameters_made_of_too_much() -> None:
    """What is not a tool's arguments is held to narrower bounds, and so are its texts."""
    for value in ([0] * MAX_PARAMETER_VALUES, "u" * 65_537):
        with pytest.raises(UsageError):
            check_parameters({"_meta": value})


def test_json_text_is_bounded_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON text of too many values never reaches the parser; one that is no JSON stays what it is."""
    assert parse_json("[1, {}]") == [1, {}]
    assert parse_json("[1, ") == "[1, "
    monkeypatch.setattr("workflow_mcp.server.limits.json.loads", pytest.fail)
    with pytest.raises(UsageError):
        parse_json("[" + "1," * MAX_VALUES + "1]")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NewWorkItems, [{"title": 1}] * 100),
        (NewWorkItems, [{"title": "a", "labels": [1] * 1000}]),
        (NewWorkItems, [{"title": "a", "depends_on": [None] * 1000}]),
        (WorkItemUpdates, [{"id": "x"}] * 100),
        (WorkItemUpdates, [{"id": 1, "labels": [1] * 1000}]),
        (ItemIds, ["x"] * 100),
    ],
)
def test_validation_ends_at_the_first_error(kind: Any, value: Any) -> None:
    """A list of many mistakes costs no more than its first one."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter[Any](kind).validate_python(value)
    assert refused.value.error_count() <= 2, "a union reports one for each of its kinds"


def test_of_too_many_things_none_is_validated() -> None:
    """They are refused for their number, whatever the first of them is."""
    with pytest.raises(WorkItemError, match="101 items in one call"):
        TypeAdapter[Any](NewWorkItems).validate_python([{"title": 1}] * 101)


@pytest.mark.parametrize(
    "items",
    [
        [{"title": "a", "labels": ["b"] * (MAX_VALUES + 1)}],
        "[" + "1," * (MAX_VALUES + 1) + "1]",
        "[" * 100_000,
        json.dumps(nested(900)),
        nested(40),
        [{str(number): 0 for number in range(1000)}],
        json.dumps([{str(number): 0 for number in range(1000)}]),
    ],
    ids=["values", "values-in-text", "half-depth-in-text", "depth-in-text", "depth", "keys", "keys-in-text"],
)
async def test_the_answer_to_too_much(connect: Connect, items: Any) -> None:
    """A call made of too much gets one short line, and the next call its answer."""
    async with connect() as peer:
        answer = await peer.call("create_work_items", items=items)
        assert answer.code == "ARGUMENT_INVALID"
        assert "Next: " in answer.text
        assert answer.text.isprintable()
        assert len(answer.text) < 700
        assert not (await peer.call("health_check")).is_error


async def test_a_long_name_is_not_repeated(connect: Connect) -> None:
    """What is sent under a name of a megabyte is refused without saying it all again."""
    async with connect() as peer:
        answer = await peer.call("list_work_items", **{"a" * 2**20: 1})
        assert answer.code == "ARGUMENT_INVALID"
        assert len(answer.text) < 700
