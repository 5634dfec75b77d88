"""From facts about one request to its session key (design, table 1).

`Context.session_id` identifies a session only on handshake-era connections. Since MCP 2026-07-28
(SEP-2567) it is new for every request, and there and on stateless HTTP a client can forge it with a
header. So the session key comes from the connection, from the process that one client launched, or from
a handle that the server issued. If one of these applies and fails, no other is tried.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from workflow_mcp.sessions.bindings import Binding, conversation_key
from workflow_mcp.sessions.principals import owned_digest

HANDLE_BYTES = 20
PROCESS_KEY = "process"
HANDLE_PREFIX = "handle:"
CONNECTION_PREFIX = "connection:"

Era = Literal["legacy", "2026-07-28"]
Transport = Literal["stdio", "memory", "http", "sse"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Facts about one request.

    Attributes:
        era: "legacy" for a connection that began with `initialize`.
        transport: how the request came; "memory" for a client in this process.
        connection_id: what identifies a legacy connection: `Context.session_id` of a stateful one, or the key of one
            that several servers share; else None.
        principal: the authenticated user's name; None without authentication.
        handle: what the client passed as `session`.
        binding: what Claude Code's hook said of this very call.
        launched_by: Claude Code's id of the conversation for which it launched this stdio process.
        has_unasked_roots: whether the client has roots, and this server cannot ask for them.
    """

    era: Era
    transport: Transport
    connection_id: str | None = None
    principal: str | None = None
    handle: str | None = None
    binding: Binding | None = None
    launched_by: str | None = None
    has_unasked_roots: bool = False

    @property
    def is_http(self) -> bool:
        """Whether the request came over HTTP, so that this process's environment does not describe its client."""
        return self.transport in ("http", "sse")

    @property
    def connection(self) -> str | None:
        """What identifies the connection, and so the client's process; None when nothing does."""
        return self.connection_id or (None if self.is_http else PROCESS_KEY)


def session_key(caller: Caller) -> str | None:
    """The key under which the caller's session is stored; None when nothing identifies the caller.

    No case falls back to another: an unknown handle is an error, even on a connection with a session.
    """
    if caller.handle is not None:
        return handle_key(caller.handle, principal=caller.principal)
    if caller.binding is not None:
        return caller.binding.key(caller.principal)
    if caller.launched_by is not None:
        return conversation_key(caller.launched_by, None)
    if caller.era == "legacy":
        return caller.connection_id
    return None if caller.is_http else PROCESS_KEY


def mint_handle() -> str:
    """A new handle: 160 bits from the system's CSPRNG as 27 URL-safe characters."""
    return secrets.token_urlsafe(HANDLE_BYTES)


def handle_key(handle: str, *, principal: str | None) -> str:
    """The session key for a handle that is used by a principal.

    The handle itself is not stored. A handle of another principal, a malformed and an unknown one all
    give keys that no session has, by the same computation.
    """
    return HANDLE_PREFIX + owned_digest(principal, handle)
