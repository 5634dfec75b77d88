"""Connections to one SQLite file, opened when they are needed and kept."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, NullPool, create_engine


class Connections:
    """The idle connections to a file; for threads, each connection in one of them at a time.

    Args:
        open_file: opens the file.
    """

    def __init__(self, open_file: Callable[[], sqlite3.Connection]) -> None:
        # Transactions are begun and ended by hand.
        self._engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool, pool_reset_on_return=None)
        self._idle: deque[Connection] = deque()

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """A connection that nobody else uses meanwhile, with no transaction begun or left open."""
        connection = self._take()
        try:
            yield connection
            connection.commit()
        except BaseException:
            self._roll_back(connection)
            raise
        self._idle.append(connection)

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.connect()

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def close(self) -> None:
        """Close all of them; none may be in use."""
        while self._idle:
            self._idle.pop().close()
