"""JSON that others wrote, read strictly: no key twice, no NaN, no number too large for a float. Pure."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from workflow_mcp.errors import shown

MAX_BRACKETS = 500_000

Pairs = list[tuple[str, Any]]

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', re.DOTALL)


class JsonObject(dict[str, Any]):
    """A JSON object, and the line of the text that it begins on, counted from 1."""

    __slots__ = ("line",)
    line: int


def strict_json(text: str, make_object: Callable[[Pairs], Any] = dict) -> Any:
    """The value that a JSON text is; `make_object` makes its objects, of which no key comes twice.

    Raises:
        ValueError: it is not JSON, or is nested too deeply; a `json.JSONDecodeError` knows the line.
    """

    def made(pairs: Pairs) -> Any:
        return make_object(_no_key_twice(pairs))

    try:
        return json.loads(text, object_pairs_hook=made, parse_constant=_no_such_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def located_json(text: str) -> Any:
    """The same value, its objects each a `JsonObject`.

    Raises:
        ValueError: see `strict_json`; or it has more than 500 000 brackets: values take much more memory than text.
    """
    if text.count("{") + text.count("[") > MAX_BRACKETS:
        raise ValueError(f"it has more than {MAX_BRACKETS} brackets")
    ended: list[JsonObject] = []

    def made(pairs: Pairs) -> JsonObject:
        ended.append(JsonObject(pairs))
        return ended[-1]

    value = strict_json(text, made)
    for one, line in zip(ended, _lines_of_ended_objects(text), strict=True):
        one.line = line
    return value


def _lines_of_ended_objects(text: str) -> Iterator[int]:
    # Of JSON that was read already: every string ends, and every brace has its twin.
    begun: list[int] = []
    line, position = 1, 0
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            line += text.count("\n", position, token.start())
            position = token.start()
            begun.append(line)
        elif token[0] == "}":
            yield begun.pop()


def _no_key_twice(pairs: Pairs) -> Pairs:
    if len(dict(pairs)) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} appears twice")
    return pairs


def _no_such_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text)} is too large a number")
    return number
