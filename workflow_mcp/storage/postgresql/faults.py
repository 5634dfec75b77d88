"""The only place where errors of the driver are converted to `StoreError`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Literal

import psycopg
from sqlalchemy.exc import DBAPIError

from workflow_mcp.errors import Code, StoreError, shown

BUSY_TIMEOUT = 30.0
RECONNECT_TIMEOUT = 5.0
DRIVER_ERRORS = (DBAPIError, psycopg.Error)
Fault = Literal["busy", "lost", "refused", "absent", "full", "read-only", "not-migrated", "other"]

# By the whole SQLSTATE, else by its class.
_FAULTS: dict[str, Fault] = {
    "25006": "read-only",
    "25P03": "lost",  # idle in a transaction for too long
    "28": "refused",
    "3D000": "absent",
    "40": "busy",  # serialization failures and deadlocks
    "42501": "refused",
    "42704": "refused",  # no such role
    "42P01": "not-migrated",
    "42703": "not-migrated",
    "53": "full",
    "53300": "busy",
    "55P03": "busy",
    "57P": "lost",
    "08": "lost",
}
# What servers and poolers say to a client that they do not let in, which has no SQLSTATE in the driver.
_STARTING = ("starting up", "shutting down", "not yet accepting", "recovery mode")
_ABSENT = re.compile(r'FATAL: .*(database ".*" does not exist|no such database)')
_FULL_HOUSE = ("too many clients", "too many connections", "remaining connection slots", "no more connections")


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Converts errors of the driver that its body raises.

    Raises:
        StoreError: `STORE_BUSY`, `STORE_UNREACHABLE`, `STORE_REFUSED`, `STORE_FULL`, `STORE_READ_ONLY` or
            `STORE_OLDER`; any other error of the driver is a defect in a statement, and is not converted.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        fault = fault_of(error)
        if fault == "other":
            raise
        raise store_error(fault, _said(error)) from error


def fault_of(error: BaseException) -> Fault:
    """What a driver's error comes down to."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        return next((_FAULTS[key] for key in (state, state[:3], state[:2]) if key in _FAULTS), "other")
    if not isinstance(original, psycopg.OperationalError | psycopg.InterfaceError):
        return "other"
    return _fault_in_text(str(original))


def _fault_in_text(text: str) -> Fault:
    if any(part in text for part in _FULL_HOUSE):
        return "busy"
    if _ABSENT.search(text):
        return "absent"
    return "refused" if "FATAL" in text and not any(part in text for part in _STARTING) else "lost"


def patience_for(error: BaseException) -> float:
    """For how many seconds it makes sense to try the same transaction again."""
    return {"busy": BUSY_TIMEOUT, "lost": RECONNECT_TIMEOUT}.get(fault_of(error), 0.0)


def _said(error: BaseException) -> str:
    """What the server said, without what follows its first line."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return shown((str(original).strip().splitlines() or ["nothing"])[0])


def store_error(fault: Fault, said: str) -> StoreError:
    """The error for a fault of the database, where `said` is what it said."""
    match fault:
        case "busy":
            what = f"the database was busy for {BUSY_TIMEOUT:.0f} s: {said}."
            return StoreError(Code.STORE_BUSY, what, "call again.")
        case "full":
            return StoreError(
                Code.STORE_FULL,
                f"the database has no room: {said}; nothing of this call was stored.",
                "make room there.",
            )
        case "read-only":
            what = f"the database cannot be written: {said}."
            return StoreError(Code.STORE_READ_ONLY, what, "set WORKFLOW_MCP_DATABASE_URL to the one that can.")
        case "refused" | "absent":
            return _refused(said, is_there=fault == "refused")
        case "not-migrated":
            return older(None)
        case _:
            return StoreError(
                Code.STORE_UNREACHABLE,
                f"the database does not answer: {said}.",
                "check that it runs where WORKFLOW_MCP_DATABASE_URL says, then call again.",
            )


def _refused(said: str, *, is_there: bool) -> StoreError:
    if is_there:
        what, then = (
            "the database refuses its user",
            "correct WORKFLOW_MCP_DATABASE_URL; {} gives that user its rights.",
        )
    else:
        what = "there is no such database"
        then = "correct its name in WORKFLOW_MCP_DATABASE_URL, or create it with PostgreSQL's `createdb` and run {}."
    return StoreError(Code.STORE_REFUSED, f"{what}: {said}.", then.format("`workflow-mcp database migrate`"))


def older(version: str | None) -> StoreError:
    """The error for a database whose tables are those of an older version, or not there."""
    what = "has no tables yet" if version is None else f"is of an older workflow-mcp (format {version})"
    return StoreError(Code.STORE_OLDER, f"the database {what}.", "run `workflow-mcp database migrate`.")


def newer(version: str, known: str) -> StoreError:
    """The error for a database that a newer version has migrated."""
    return StoreError(
        Code.STORE_NEWER,
        f"the database is of a newer workflow-mcp (format {version}; this one knows {known}).",
        "upgrade workflow-mcp and restart the server.",
    )
