"""Whether a transaction was committed whose connection was lost before the answer came. Blocking."""

from __future__ import annotations

import time

import psycopg

from workflow_mcp.errors import Code, StoreError
from workflow_mcp.storage.postgresql import faults

CONNECT_TIMEOUT = 5
LOOK_SECONDS = 0.05


def was_committed(url: str, transaction: str) -> bool:
    """What the database says of a transaction, once it has ended.

    A server that took over for another one by replication may know another transaction by that name; what it was told
    last is lost with the other one then, unless it replicates synchronously.

    Args:
        url: the database.
        transaction: what it calls the transaction.

    Raises:
        StoreError: `STORE_OUTCOME_UNKNOWN`, when the database does not say so in time.
    """
    deadline, cause = time.monotonic() + faults.BUSY_TIMEOUT, None
    while time.monotonic() < deadline:
        try:
            status = _status(url, transaction)
        except psycopg.Error as error:
            status, cause = None, error
        if status in ("committed", "aborted"):
            return status == "committed"
        time.sleep(LOOK_SECONDS)
    raise StoreError(
        Code.STORE_OUTCOME_UNKNOWN,
        "the database was lost while it stored a change, and does not say whether it did.",
        "look at what is there before you repeat the call; one with a request_id can be repeated as it was.",
    ) from cause


def _status(url: str, transaction: str) -> str | None:
    with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT, prepare_threshold=None) as connection:
        row = connection.execute("SELECT pg_xact_status(%s::xid8)", [transaction]).fetchone()
    return None if row is None else row[0]
