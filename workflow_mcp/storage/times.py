"""The times of a transaction, where the machine's clock may have been set since the last one.

The store remembers when, by the clock, the machine was started. As long as that start lasts, the same time of
start means that nobody set the clock; another one says by how much it was set, and the leases move along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Executable, bindparam, select, update

from workflow_mcp.storage.tables import items, projects
from workflow_mcp.storage.transactions import PROJECT_PARAMETER, in_project
from workflow_mcp.storage.uptime import Uptime

# A clock that is kept in step with others moves less than this at once.
MIN_SET = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Clock:
    """The machine's clock.

    Attributes:
        now: the current time, UTC; it can be set forward and back.
        uptime: how long the machine has been up; None where that is not known.
    """

    now: Callable[[], datetime]
    uptime: Callable[[], Uptime | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one transaction.

    Attributes:
        now: what leases are compared with.
        written_at: what rows carry: never before what the project's last change carries.
    """

    now: datetime
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Noted:
    """What a project's data says of time.

    Attributes:
        boot: the start of the machine that was noted last.
        booted_at: when that was, by the clock of then.
        last_change: what the last change carries.
    """

    boot: str | None = None
    booted_at: datetime | None = None
    last_change: datetime | None = None


def read_times(noted: Noted, clock: Clock) -> Times:
    """The times of a transaction that reads; leases may still stand as they did before the clock was set."""
    now = clock.now()
    return Times(now - _moved(now, clock.uptime(), noted), now)


def write_times(connection: Connection, project_id: str, noted: Noted, clock: Clock) -> Times:
    """The times of a transaction that writes; leases move along with a clock that was set since the last one."""
    now, uptime, own = clock.now(), clock.uptime(), {PROJECT_PARAMETER: project_id}
    last = noted.last_change or now
    if uptime is not None:
        moved = _moved(now, uptime, noted)
        if noted.boot != uptime.boot and last - now > MIN_SET:
            # The machine was started anew, and its clock is behind what it was.
            moved = now - last
        if moved or noted.boot != uptime.boot:
            _note_start(connection, own, uptime, now - timedelta(seconds=uptime.seconds))
        if moved:
            _move_leases(connection, own, moved)
    return Times(now, max(now, last))


def _moved(now: datetime, uptime: Uptime | None, noted: Noted) -> timedelta:
    """By how much the clock was set since the time of start was noted; zero where that cannot be told."""
    if uptime is None or noted.booted_at is None or noted.boot != uptime.boot:
        return timedelta(0)
    moved = now - timedelta(seconds=uptime.seconds) - noted.booted_at
    return moved if abs(moved) > MIN_SET else timedelta(0)


def _note_start(connection: Connection, own: dict[str, str], uptime: Uptime, at: datetime) -> None:
    connection.execute(_new_start(), {**own, "new_boot": uptime.boot, "new_time": at})


def _move_leases(connection: Connection, own: dict[str, str], by: timedelta) -> None:
    held = connection.execute(_leases(), own).all()
    if held:
        parameters = [{**own, "of_item": row.id, "until": row.claim_expires_at + by} for row in held]
        connection.execute(_new_lease(), parameters)


@cache
def _new_start() -> Executable:
    statement = update(projects).where(projects.c.id == bindparam(PROJECT_PARAMETER))
    return statement.values(boot=bindparam("new_boot"), booted_at=bindparam("new_time"))


@cache
def _leases() -> Executable:
    return select(items.c.id, items.c.claim_expires_at).where(in_project(items), items.c.claim_expires_at.is_not(None))


@cache
def _new_lease() -> Executable:
    statement = update(items).where(in_project(items), items.c.id == bindparam("of_item"))
    return statement.values(claim_expires_at=bindparam("until"))
