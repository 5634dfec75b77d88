"""The protocol of a session store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

COLLECTION = "sessions"

Entry = Mapping[str, Any]


class SessionStore(Protocol):
    """The part of py-key-value's `AsyncKeyValue` that the archive uses."""

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """The value under `key`; None when there is none or it has expired."""

    async def put(self, key: str, value: Entry, *, collection: str | None = None, ttl: float | None = None) -> None:
        """Keep the value for `ttl` seconds."""

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """Remove the value; False when there was none."""
