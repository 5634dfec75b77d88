"""What the name and the id of a project in a config may be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

MAX_NAME_LENGTH = 255


def printable(value: Any) -> Any:
    """The value, if it is no text or one that can be shown.

    Raises:
        ValueError: it cannot.
    """
    if isinstance(value, str) and not (value.isprintable() and value.strip()):
        raise ValueError("must be printable and not blank")
    return value


def canonical_uuid(value: Any) -> Any:
    """The value, a text in the usual form of a UUID.

    Raises:
        ValueError: a text that is no UUID.
    """
    if not isinstance(value, str):
        return value
    parsed = UUID(value)
    # UUID takes whatever `int` takes for 32 digits: signs, underscores, spaces, digits of other scripts.
    if parsed.hex not in value.replace("-", "").lower():
        raise ValueError("must be a UUID")
    return str(parsed)
