"""Connections to the database, and the first and the last statement of transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, event, make_url

from workflow_mcp.storage import tables
from workflow_mcp.storage.databases import store_closed
from workflow_mcp.storage.postgresql.commits import CONNECT_TIMEOUT, was_committed
from workflow_mcp.storage.postgresql.faults import BUSY_TIMEOUT, DRIVER_ERRORS, fault_of, newer, older
from workflow_mcp.storage.postgresql.listener import CHANNEL, NOTIFY
from workflow_mcp.storage.types import from_micros

MAX_CONNECTIONS = 8
# Less than anybody waits for a lock: what a lost client holds is free then.
IDLE_TIMEOUT = 10.0
# What `workflow.project` is where projects are listed and found: it shows their names and members, none of their work.
ALL_PROJECTS = "*"

_READ = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ")
_WRITE = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED; ")
# For this transaction alone, so that a pooler may give the connection to somebody else afterwards. To compile a
# statement takes longer than to run it: where statistics are old, the planner takes short ones for long.
_SET = sql.SQL(
    "SELECT set_config('workflow.project', {project}, true), set_config('lock_timeout', {busy}, true), "
    "set_config('idle_in_transaction_session_timeout', {idle}, true), set_config('jit', 'off', true); "
)
_COMMIT = sql.SQL("COMMIT")
_LOCK = sql.SQL("SELECT {lock}({key}); ")
# After the lock was acquired: it sees what was committed before that.
_HEADER = sql.SQL(
    "SELECT clock_timestamp(), {transaction}, (SELECT version_num FROM alembic_version), "
    "EXISTS (SELECT FROM projects WHERE id = {project}), "
    "(SELECT at FROM events WHERE project_id = {project} ORDER BY id DESC LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a transaction begins with.

    Attributes:
        now: the database's time, read after the lock was acquired.
        transaction: what the database calls this transaction; None for one that only reads.
        is_there: whether the project has a row.
        last_change: what the project's last change carries.
    """

    now: datetime
    transaction: str | None
    is_there: bool
    last_change: datetime | None


def driver_url(url: str) -> str:
    """A URL as SQLAlchemy takes it, with the password."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def open_engine(url: str, *, pooled: bool, maximum: int) -> Engine:
    """An engine with at most so many connections, on which each statement is a transaction unless one is begun."""
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "workflow-mcp"}
    if pooled:
        options["prepare_threshold"] = None
    engine = create_engine(
        driver_url(url),
        connect_args=options,
        isolation_level="AUTOCOMMIT",
        pool_size=maximum,
        max_overflow=0,
        pool_reset_on_return=None,
    )
    _close_what_comes_back_late(engine)
    return engine


def _close_what_comes_back_late(engine: Engine) -> None:
    """Close connections that were in use when the engine was disposed of: it has another pool since."""

    def opened(_raw: Any, record: Any) -> None:
        record.info["pool"] = engine.pool

    def returned(raw: Any, record: Any) -> None:
        if raw is not None and record.info.get("pool") is not engine.pool:
            raw.close()

    event.listen(engine, "connect", opened)
    event.listen(engine, "checkin", returned)


@contextlib.contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """A connection of an engine; when it turns out to be lost, all others are closed too."""
    with engine.connect() as connection:
        try:
            yield connection
        except DRIVER_ERRORS as error:
            if fault_of(error) == "lost":
                connection.invalidate()
                engine.dispose()  # the others are lost as well
            raise


class Connections:
    """A pool of connections to a database; thread-safe.

    Args:
        url: where the database is.
        pooled: whether a pooler such as pgbouncer, in transaction mode, stands between.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._closed = False
        self.url = url
        self.pooled = pooled
        # Transactions are begun and ended explicitly here, together with what else they begin and end with.
        self._engine = open_engine(url, pooled=pooled, maximum=MAX_CONNECTIONS)

    @contextlib.contextmanager
    def transaction(
        self, project_id: str, *, lock: str | None = None, shared: bool = False
    ) -> Iterator[tuple[Connection, Header]]:
        """A transaction in a project, which is committed, or rolled back when the body raises.

        Args:
            project_id: the only project whose rows it sees.
            lock: what it locks until it ends; None for a transaction that only reads, and sees one state.
            shared: whether others that share the lock may have it at the same time.

        Raises:
            StoreError: `STORE_OLDER`, `STORE_NEWER` or `STORE_CLOSED`.
            psycopg.Error: it cannot be begun or ended.
        """
        if self._closed:
            raise store_closed()
        with connected(self._engine) as connection:
            raw = raw_of(connection)
            try:
                header = _begin(raw, project_id, lock, shared=shared)
                yield connection, header
                self._commit(connection, raw, header.transaction, project_id)
            except BaseException:
                _roll_back(connection, raw)
                raise

    def _commit(
        self, connection: Connection, raw: psycopg.Connection[Any], transaction: str | None, project_id: str
    ) -> None:
        try:
            raw.execute(_COMMIT if transaction is None else _last_words(project_id))
        except DRIVER_ERRORS as error:
            # It may have been committed, and only the answer was lost.
            if transaction is None or fault_of(error) != "lost" or not was_committed(self.url, transaction):
                raise
            connection.invalidate()

    def close(self) -> None:
        """Close all connections, and make none any more."""
        self._closed = True
        self._engine.dispose()


def raw_of(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def _last_words(project_id: str) -> sql.Composed:
    told = NOTIFY.format(channel=sql.Literal(CHANNEL), project=sql.Literal(project_id), key=sql.Literal(LISTENERS))
    return told + _COMMIT


def _roll_back(connection: Connection, raw: psycopg.Connection[Any]) -> None:
    """Roll back what SQLAlchemy may know nothing of; a connection that cannot do so is closed, and used no more."""
    with contextlib.suppress(psycopg.Error):
        raw.rollback()
    if raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        connection.invalidate()


def key_of(name: str) -> int:
    """The number of the advisory lock of this name."""
    digest = blake2b(f"workflow-mcp {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


LISTENERS = key_of("listeners")


def _begin(raw: psycopg.Connection[Any], project_id: str, lock: str | None, *, shared: bool) -> Header:
    parts = [_READ if lock is None else _WRITE, _SET, *([] if lock is None else [_LOCK]), _HEADER]
    values = {
        "project": sql.Literal(project_id),
        "busy": sql.Literal(f"{BUSY_TIMEOUT * 1000:.0f}ms"),
        "idle": sql.Literal(f"{IDLE_TIMEOUT * 1000:.0f}ms"),
        "transaction": sql.SQL("NULL" if lock is None else "pg_current_xact_id()::text"),
        "lock": sql.SQL("pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"),
        "key": sql.Literal(0 if lock is None else key_of(lock)),
    }
    with raw.cursor() as cursor:
        # One message for all of them: each by itself would wait for its own answer.
        cursor.execute(sql.Composed([part.format(**values) for part in parts]))
        while cursor.nextset():
            pass
        ((now, transaction, version, is_there, last_change),) = cursor.fetchall()
    check_version(version)
    last = None if last_change is None else from_micros(last_change)
    return Header(now.astimezone(UTC), transaction, is_there, last)


def check_version(version: str | None) -> None:
    """Refuse a database whose tables are not those that this version knows.

    Raises:
        StoreError: `STORE_OLDER` or `STORE_NEWER`.
    """
    if version is None or version < tables.VERSION:
        raise older(version)
    if version > tables.VERSION:
        raise newer(version, tables.VERSION)
