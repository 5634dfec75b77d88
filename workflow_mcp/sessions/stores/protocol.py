"""The protocols of session stores."""

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


class SharedStore(SessionStore, Protocol):
    """A store that several servers use at once: what one of them has put, all others get from then on.

    An entry that is there can be removed once: of several deletions one returns True. Every method raises
    `StoreError` when the store cannot be reached.
    """

    async def merge(self, key: str, changed: Entry, *, collection: str, ttl: float, new: Entry | None = None) -> None:
        """Change fields of the value and keep it for `ttl` seconds; of concurrent changes of others none is lost.

        Where there is no value it is `new`, with those fields changed; without `new` nothing is done then.
        """

    async def count(self, collection: str) -> int:
        """How many entries there are."""

    async def cull(self) -> None:
        """Remove what has expired, and of a collection that is too large what expires first."""

    async def check(self) -> None:
        """Check that the store can be used: it answers, and is of this version."""

    async def close(self) -> None:
        """Close its connections; it opens them anew when it is used again."""
