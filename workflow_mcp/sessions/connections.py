"""The connections that are known to be open, and what their sessions are called where they outlive them."""

from __future__ import annotations

import hashlib
import secrets

from workflow_mcp.sessions.caller import HANDLE_PREFIX, PROCESS_KEY, Transport


class Connections:
    """The connections that are known to be open, and what their sessions are called where they outlive them."""

    def __init__(self, claude_session_id: str | None) -> None:
        self._open: set[str] = set()
        self._launched: set[str] = set()
        self._claude_session_id = claude_session_id
        self._instance = secrets.token_hex(8)

    def opened(self, key: str, transport: Transport) -> bool:
        """Note an open connection; False when it was known."""
        if key in self._open:
            return False
        self._open.add(key)
        if transport == "stdio":
            self._launched.add(key)
        return True

    def closed(self, key: str) -> None:
        """Note that a connection has closed."""
        self._open.discard(key)
        self._launched.discard(key)

    def actor(self, key: str | None) -> str | None:
        """A short name for whoever has a session: the same again after a restart where the session is; else None."""
        if key is None:
            return None
        lasting = self.stored_as(key) or (f"{self._instance}:{key}" if key == PROCESS_KEY else key)
        return f"s-{hashlib.sha256(lasting.encode()).hexdigest()[:6]}"

    def is_alive(self, key: str) -> bool:
        """Whether the session's connection is open; the process's own always is."""
        return key == PROCESS_KEY or key in self._open

    def stored_as(self, key: str) -> str | None:
        """The lasting name of a session: a handle's own, Claude Code's for the server it launched, else none."""
        if key.startswith(HANDLE_PREFIX):
            return key
        return f"claude:{self._claude_session_id}" if key in self._launched and self._claude_session_id else None
