"""A strict parser of the JSON object in a config file: no duplicate keys, no NaN, no infinite numbers."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from workflow_mcp.errors import Code, ConfigError, shown


def parse_object(path: str, data: bytes) -> dict[str, Any]:
    """Parse `data`, the content of the file `path`, as a JSON object.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file and, for a syntax error, the line and column.
    """
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_no_key_twice,
            parse_constant=_no_such_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise _not_json(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _not_json(path, f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise _not_json(path, "it is nested too deeply") from error
    except ValueError as error:
        raise _not_json(path, str(error)) from error
    if not isinstance(value, dict):
        raise _not_json(path, f"it must be a JSON object, not {type(value).__name__}")
    return value


def _not_json(path: str, what: str) -> ConfigError:
    return ConfigError(Code.CONFIG_INVALID, f"{path}: {what}.", "correct that file; `workflow-mcp doctor` shows it.")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} appears twice")
    return members


def _no_such_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text)} is too large a number")
    return number
