"""Errors for arguments that do not fit a tool's schema, with the corrected call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.server.arguments import NewWorkItem, WorkItemUpdate
from workflow_mcp.work.errors import limit_invalid
from workflow_mcp.work.validation import MAX_LIMIT

MISSING = ("missing", "missing_argument")
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
MAX_SHOWN_VALUE = 40

# For each tool that takes a list: the argument, and the fields of an element.
LISTS = {
    "create_work_items": ("items", NewWorkItem.model_fields.keys()),
    "update_work_items": ("updates", WorkItemUpdate.model_fields.keys()),
    "delete_work_items": ("ids", {"id"}),
}


def argument_error(error: ValidationError, tool: str) -> UsageError:
    """The error for arguments that do not fit a tool's schema.

    Returns:
        `ARGUMENT_INVALID`, or `LIMIT_INVALID` for a limit.
    """
    found = error.errors(include_url=False)
    flat = _flat_fields(found, tool)
    if flat:
        return _flat_call(flat, tool)
    # An unknown argument comes first: it may be the misspelt name of a missing one.
    first = min(found, key=lambda one: one["type"] not in UNKNOWN)
    if first["loc"] == ("limit",):
        return limit_invalid(first["input"], MAX_LIMIT)
    argument = ".".join(str(part) for part in first["loc"])
    if first["type"] in MISSING:
        return _invalid(f"{argument} is missing.", f"call {tool} with it.")
    if first["type"] in UNKNOWN:
        return _invalid(f"there is no {argument}.", f"call {tool} without it, or under its right name.")
    return _invalid(
        f"{argument} is {shown(first['input'])}: {first['msg']}.",
        f"call {tool} with a value for {argument} that fits its schema.",
    )


def _flat_fields(found: Sequence[ErrorDetails], tool: str) -> dict[str, Any]:
    _, fields = LISTS.get(tool, ("", ()))
    unknown = {one["loc"][0]: one["input"] for one in found if len(one["loc"]) == 1 and one["type"] in UNKNOWN}
    return {str(name): value for name, value in unknown.items() if name in fields}


def _flat_call(fields: dict[str, Any], tool: str) -> UsageError:
    argument, _ = LISTS[tool]
    pairs = ", ".join(f'"{name}": {_shortened(value)}' for name, value in fields.items())
    example = _shortened(fields["id"]) if argument == "ids" else f"{{{pairs}}}"
    return _invalid(
        f"{', '.join(fields)} cannot be given to {tool} outside of {argument}.",
        f"call {tool}({argument}=[{example}]).",
    )


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_VALUE else "…"


def _invalid(message: str, next_step: str) -> UsageError:
    return UsageError(Code.ARGUMENT_INVALID, message, next_step)
