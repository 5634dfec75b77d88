"""Principals, and names under which something of one is stored, so that no other reaches it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose a token is.

    Attributes:
        name: the principal's.
        until: when the token ends, in seconds since the epoch; None for one that ends by being removed.
    """

    name: str
    until: float | None = None


def owned_digest(principal: str | None, text: str) -> str:
    """The SHA-256 of a text and its principal, None without authentication, in hexadecimal; one for each pair."""
    owner = "" if principal is None else f"={principal}"
    return hashlib.sha256(f"{len(owner)}:{owner}{text}".encode("utf-8", "surrogatepass")).hexdigest()
