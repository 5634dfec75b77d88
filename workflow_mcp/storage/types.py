"""Column types that are the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(at: datetime) -> int:
    """Microseconds since the epoch."""
    return (at - EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """The UTC time for a number of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """A UTC time as microseconds since the epoch: exact, ordered and the same on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """The number that is stored."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        """The time that was stored."""
        return None if value is None else from_micros(value)


# SQLite assigns row numbers only in a column of exactly the type INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
