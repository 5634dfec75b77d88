"""Names under which something of a principal is stored, so that no other principal reaches it."""

from __future__ import annotations

import hashlib


def owned_digest(principal: str | None, text: str) -> str:
    """The SHA-256 of a text and its principal, None without authentication, in hexadecimal; one for each pair."""
    owner = "" if principal is None else f"={principal}"
    return hashlib.sha256(f"{len(owner)}:{owner}{text}".encode("utf-8", "surrogatepass")).hexdigest()
