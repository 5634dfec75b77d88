"""The only place where errors of the driver and the operating system are converted to `StoreError`."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from typing import Literal

from sqlalchemy.exc import DBAPIError

from workflow_mcp.errors import Code, StoreError

BUSY_TIMEOUT = 30.0
DRIVER_ERRORS = (DBAPIError, sqlite3.Error)
PUT_BACK = "run `workflow-mcp restore FILE` with a backup of it, which keeps what is there; `doctor --store` says more."
Fault = Literal["busy", "full", "read-only", "damaged", "unreachable", "other"]

# SQLite reports FULL only for a full disk; an exhausted quota or size limit is a failed write.
_FAULTS: dict[int, Fault] = {
    sqlite3.SQLITE_IOERR_WRITE: "full",
    sqlite3.SQLITE_IOERR_SHMSIZE: "full",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_IOERR: "unreachable",
}
_OS_FAULTS: dict[int, Fault] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EROFS: "read-only",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
}


@contextlib.contextmanager
def store_errors(path: str) -> Iterator[None]:
    """Converts errors that its body raises about the file or folder `path`.

    Raises:
        StoreError: `STORE_BUSY`, `STORE_FULL`, `STORE_READ_ONLY`, `STORE_DAMAGED` or `STORE_UNREACHABLE`;
            any other error of the driver is a defect in a statement, and is not converted.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        if _fault(original) == "other":
            raise
        raise store_error(path, _fault(original), original) from error
    except OSError as error:
        raise store_error(path, _OS_FAULTS.get(error.errno or 0, "unreachable"), error.strerror or error) from error


def is_busy(error: DBAPIError | sqlite3.Error) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    return _fault(error.orig if isinstance(error, DBAPIError) else error) == "busy"


def _fault(error: BaseException | None) -> Fault:
    """What a driver's error comes down to."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        # The low byte is the kind, the rest says where it happened.
        return _FAULTS.get(code) or _FAULTS.get(code & 0xFF) or _fault_in_text(error)
    return "other"


def _fault_in_text(error: BaseException | None) -> Fault:
    return "damaged" if "no such table" in str(error) or "no such column" in str(error) else "other"


def store_error(path: str, kind: Fault, cause: object) -> StoreError:
    """The error for a fault of the file or folder `path`."""
    match kind:
        case "busy":
            what, then = f"{path} was locked by other processes for {BUSY_TIMEOUT:.0f} s.", "call again."
            return StoreError(Code.STORE_BUSY, what, then)
        case "full":
            what = f"{path} has no room to grow, on its disk or by a quota; nothing of this call was stored."
            return StoreError(Code.STORE_FULL, what, "free some disk space, then call again.")
        case "read-only":
            what = f"{path} cannot be written by the user who runs the server."
            return StoreError(
                Code.STORE_READ_ONLY, what, "make it and its folder writable, or set WORKFLOW_MCP_DATA_DIR."
            )
        case "damaged":
            return damaged(path, cause)
        case _:
            then = "check that its folder is there and usable, then call again."
            return StoreError(Code.STORE_UNREACHABLE, f"{path}: {cause}.", then)


def damaged(path: str, cause: object, then: str = PUT_BACK) -> StoreError:
    """The error for a file that is not, or no longer, a project's database."""
    what = f"{path} cannot be used as a project's data: {cause}. It was left as it is."
    return StoreError(Code.STORE_DAMAGED, what, then)
