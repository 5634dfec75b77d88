"""Opaque cursors: the position at which the next page of a list begins; valid for that list only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from workflow_mcp.errors import Code, UsageError, shown

MAX_STORED_INTEGER = 2**63


def make_cursor(subject: Sequence[Any], key: Sequence[Any]) -> str:
    """A cursor for the entries after `key` in the list that `subject` describes."""
    text = json.dumps([_mark(subject), *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(subject: Sequence[Any], cursor: str, types: Sequence[type]) -> list[Any]:
    """The key in a cursor of this list.

    Raises:
        UsageError: `CURSOR_INVALID`, when it is not a cursor or belongs to another list.
    """
    try:
        mark, *key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise _invalid(cursor) from error
    if mark != _mark(subject) or [type(value) for value in key] != list(types) or not all(map(_is_storable, key)):
        raise _invalid(cursor)
    return list(key)


def _is_storable(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) < MAX_STORED_INTEGER


def _mark(subject: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(list(subject)).encode()).hexdigest()[:12]


def _invalid(cursor: str) -> UsageError:
    return UsageError(
        Code.CURSOR_INVALID,
        f"the cursor {shown(cursor)} does not belong to this list.",
        "repeat the call without a cursor, or with the arguments that the cursor came from.",
    )
