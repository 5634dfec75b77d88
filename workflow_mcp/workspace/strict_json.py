"""A strict parser of the JSON object in a config file: no duplicate keys, no NaN, no infinite numbers."""

from __future__ import annotations

import json
from typing import Any

from workflow_mcp.errors import Code, ConfigError
from workflow_mcp.work.json_text import strict_json


def parse_object(path: str, data: bytes) -> dict[str, Any]:
    """Parse `data`, the content of the file `path`, as a JSON object.

    Raises:
        ConfigError: `CONFIG_INVALID`, naming the file and, for a syntax error, the line and column.
    """
    try:
        value = strict_json(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _not_json(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _not_json(path, f"byte {error.start} is not UTF-8") from error
    except ValueError as error:
        raise _not_json(path, str(error)) from error
    if not isinstance(value, dict):
        raise _not_json(path, f"it must be a JSON object, not {type(value).__name__}")
    return value


def _not_json(path: str, what: str) -> ConfigError:
    return ConfigError(Code.CONFIG_INVALID, f"{path}: {what}.", "correct that file; `workflow-mcp doctor` shows it.")
