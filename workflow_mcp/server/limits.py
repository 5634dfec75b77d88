"""Bounds on the number, length and depth of the values in a request, checked before it is validated.

Validation takes about 10 µs for each invalid value, and all clients share one event loop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workflow_mcp.errors import Code, UsageError

MAX_VALUES = 20_000
MAX_PARAMETER_VALUES = 1_000
MAX_PARAMETER_LENGTH = 65_536
MAX_KEYS = 200
MAX_KEY_LENGTH = 200
MAX_DEPTH = 16


def count_values(text: bytes | bytearray) -> int:
    """An upper bound on the number of values in JSON in UTF-8, without parsing it."""
    values = _separators(text)
    return values if values <= MAX_VALUES else _separators(_outside_strings(text))


def _separators(text: bytes | bytearray) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _outside_strings(text: bytes | bytearray) -> bytes | bytearray:
    unescaped = text.replace(rb"\\", b"").replace(rb"\"", b"")
    # So many strings are too many values in any case, and splitting them would take long.
    return text if unescaped.count(b'"') > 4 * MAX_VALUES else b"".join(unescaped.split(b'"')[::2])


def parse_json(text: str) -> Any:
    """Parse a text that came as an argument as JSON; returns the text itself when it is not JSON.

    Raises:
        UsageError: `ARGUMENT_INVALID`, when it exceeds the bounds of arguments.
    """
    if count_values(text.encode("utf-8", "surrogatepass")) > MAX_VALUES:
        raise _too_much(f"there are more than {MAX_VALUES} values in one JSON text.")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise _too_much(f"a JSON text is nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError:
        return text
    check_arguments(value)
    return value


def check_arguments(value: Any) -> None:
    """Refuse arguments of a tool that exceed the bounds.

    Raises:
        UsageError: `ARGUMENT_INVALID`: over 20 000 values, 200 keys in an object, or 16 levels.
    """
    _check(value, max_values=MAX_VALUES, max_length=None)


def check_parameters(value: Mapping[str, Any]) -> None:
    """Refuse other parameters of a request with over 1 000 values, or a text of over 65 536 characters.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    _check(value, max_values=MAX_PARAMETER_VALUES, max_length=MAX_PARAMETER_LENGTH)


def _check(value: Any, *, max_values: int, max_length: int | None) -> None:
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                _check_keys(one)
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            elif max_length is not None and isinstance(one, str) and len(one) > max_length:
                raise _too_much(f"a text has {len(one)} characters; at most {max_length} are allowed.")
        count += len(below)
        if count > max_values:
            raise _too_much(f"there are more than {max_values} values in one request.")
        if not below:
            return
        level = below
    raise _too_much(f"the arguments are nested deeper than {MAX_DEPTH} levels.")


def _check_keys(value: dict[str, Any]) -> None:
    if len(value) > MAX_KEYS:
        raise _too_much(f"an object has {len(value)} keys; at most {MAX_KEYS} are allowed.")
    if any(len(key) > MAX_KEY_LENGTH for key in value):
        raise _too_much(f"an object has a key of more than {MAX_KEY_LENGTH} characters.")


def _too_much(message: str) -> UsageError:
    return UsageError(Code.ARGUMENT_INVALID, message, "send less in one call: split it into several.")
