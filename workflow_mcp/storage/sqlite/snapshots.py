"""A file as it is at one moment, to be read at leisure."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy import Connection, NullPool, create_engine

from workflow_mcp.storage.sqlite.connections import raw_of
from workflow_mcp.storage.sqlite.exchange import fault_in
from workflow_mcp.storage.sqlite.faults import damaged
from workflow_mcp.storage.sqlite.opening import new_private_file


def snapshot(path: str, source: Connection, until: contextlib.ExitStack) -> Connection:
    """A connection to a whole copy, in a temporary file, of what `source` sees; closed when `until` ends.

    Raises:
        StoreError: `STORE_DAMAGED`, about `path`.
        sqlite3.Error: it cannot be made.
    """
    copy = until.enter_context(contextlib.closing(new_private_file()))
    raw_of(source).backup(copy)
    fault = fault_in(copy)
    if fault is not None:
        raise damaged(path, fault)
    return until.enter_context(_wrapped(copy))


@contextlib.contextmanager
def _wrapped(raw: sqlite3.Connection) -> Iterator[Connection]:
    with create_engine("sqlite://", creator=lambda: raw, poolclass=NullPool).connect() as connection:
        yield connection
