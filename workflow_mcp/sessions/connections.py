"""The open connections, and the names under which their sessions are stored."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from workflow_mcp.sessions.actors import CONVERSATION, actor_name
from workflow_mcp.sessions.caller import CONNECTION_PREFIX, HANDLE_PREFIX, PROCESS_KEY, Caller, session_key

ROOTS_RETRY_SECONDS = 300.0
LASTING = (HANDLE_PREFIX, CONVERSATION, CONNECTION_PREFIX)


class Connections:
    """The connections that are known to be open, and what their sessions are called where they outlive them.

    Args:
        clock: the current time in seconds.
        hooked: whether Claude Code's hook tells which agent calls, so that its main agent is to have one name in all
            calls, bound or not.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, hooked: bool = False) -> None:
        self._open: set[str] = set()
        self._roots_unanswered: dict[str, float] = {}
        self._clock = clock
        self._hooked = hooked
        self._instance = secrets.token_hex(8)

    def opened(self, key: str) -> bool:
        """Note an open connection; False when it was noted before."""
        if key in self._open:
            return False
        self._open.add(key)
        return True

    def closed(self, key: str) -> None:
        """Note that a connection has closed."""
        self._open.discard(key)
        self._roots_unanswered.pop(key, None)

    def roots_asked(self, key: str, *, answered: bool) -> None:
        """Note whether a client answered `roots/list`."""
        if answered:
            self._roots_unanswered.pop(key, None)
        elif self.may_ask_for_roots(key):
            self._roots_unanswered[key] = self._clock()

    def may_ask_for_roots(self, key: str) -> bool:
        """False for five minutes after a client did not answer."""
        unanswered_at = self._roots_unanswered.get(key)
        # A negative difference means that the clock was set back.
        return unanswered_at is None or not 0 <= self._clock() - unanswered_at < ROOTS_RETRY_SECONDS

    def actor(self, caller: Caller) -> str | None:
        """A short actor name for a session key, which lasts as long as the session is stored; None for None."""
        key = session_key(caller)
        if key is None:
            return None
        if key.startswith(CONVERSATION) and caller.binding is not None:
            return caller.binding.actor(caller.principal)
        if key.startswith(CONVERSATION) and caller.launched_by is not None and self._hooked:
            return actor_name(caller.launched_by)
        lasting = self.stored_as(key) or (f"{self._instance}:{key}" if key == PROCESS_KEY else key)
        return f"s-{hashlib.sha256(lasting.encode()).hexdigest()[:6]}"

    def is_alive(self, key: str) -> bool:
        """Whether the session's connection is open; the process's own always is."""
        return key == PROCESS_KEY or key in self._open

    def stored_as(self, key: str) -> str | None:
        """The lasting name of a session: the key of a handle, of a conversation of Claude Code or of a connection that
        several servers share; else none."""
        return key if key.startswith(LASTING) else None
