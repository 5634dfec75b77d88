"""The id of the request that is handled, by which a line of the log and what a client was answered are matched."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

SANE = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,128}")

REQUEST_ID: ContextVar[str | None] = ContextVar("workflow_mcp_request_id", default=None)


def new_request_id() -> str:
    """An id that no other request has."""
    return secrets.token_hex(8)


def request_id_of(given: Sequence[str]) -> str:
    """The id that a client or proxy gave a request, where it is one and fit for a log, else a new one."""
    return given[0] if len(given) == 1 and SANE.fullmatch(given[0]) else new_request_id()


@contextmanager
def identified() -> Iterator[None]:
    """Give what the body handles an id, unless the transport has given it one."""
    if REQUEST_ID.get() is not None:
        yield
        return
    token = REQUEST_ID.set(new_request_id())
    try:
        yield
    finally:
        REQUEST_ID.reset(token)
