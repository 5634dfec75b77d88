"""Transactions in one project's data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Insert,
    Row,
    ScalarSelect,
    Table,
    and_,
    bindparam,
    false,
    select,
)

from workflow_mcp.storage.tables import projects

T = TypeVar("T")
# Runs a statement with values for its parameters, or once for each of several, and returns its rows.
Run = Callable[[Connection, Executable, Mapping[str, Any] | Sequence[Mapping[str, Any]]], Sequence[Row[Any]]]
FindTexts = Callable[[Connection, Sequence[str]], Sequence[int] | None]

PROJECT_PARAMETER = "of_project"


def executed(
    connection: Connection, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> Sequence[Row[Any]]:
    """See `Run`: by SQLAlchemy, on any database."""
    result = connection.execute(statement, values)
    return result.all() if result.returns_rows else ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in one project; its statements use `in_project`, which limits them to that project's rows.

    Statements are built once and take parameters, because building one takes longer than running it.

    Attributes:
        connection: the connection that it runs on.
        project_id: the project.
        now: the time that leases end by; read after the lock was acquired.
        find_texts: the ids of the items that alone can have all of some folded words in their text; None where the
            database's index cannot tell, or they are too many to be looked at one by one.
        written: what `written_at` is where that is not `now`.
        principal: on whose behalf it runs, see `members`; None where nothing is asked.
        run: runs its statements.
    """

    connection: Connection
    project_id: str
    now: datetime
    find_texts: FindTexts
    written: datetime | None = None
    principal: str | None = None
    run: Run = executed

    @property
    def written_at(self) -> datetime:
        """The time that rows carry: never before what was written earlier, also where the clock was set back."""
        return self.written or self.now

    def all(self, statement: Executable, /, **values: Any) -> Sequence[Row[Any]]:
        """All rows of a statement with these values for its parameters."""
        return self.run(self.connection, statement, {**values, PROJECT_PARAMETER: self.project_id})

    def first(self, statement: Executable, /, **values: Any) -> Row[Any] | None:
        """The first row of a statement with these values for its parameters; None without one."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def change(self, statement: Executable, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that changes rows, once for each of these values for its parameters."""
        self._execute(statement, [{**one, PROJECT_PARAMETER: self.project_id} for one in values])

    def add(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of this project."""
        self._execute(_insert(table), [{**row, "project_id": self.project_id} for row in rows])

    def _execute(self, statement: Executable, values: list[dict[str, Any]]) -> None:
        if values:
            self.run(self.connection, statement, values)


def in_project(table: FromClause) -> ColumnElement[bool]:
    """The condition, in statements for `Transaction`, that a row belongs to the transaction's project, and is there.

    What belongs to an item of an import that has not ended is not there yet; ids of such an import are
    a range, which is ended by a change of one row.
    """
    belongs = _is_of_unfinished_import(table)
    return stored_in_project(table) if belongs is None else and_(stored_in_project(table), ~belongs)


def in_unfinished_import(table: FromClause) -> ColumnElement[bool]:
    """The condition that a row belongs to the transaction's project, and is not there yet."""
    belongs = _is_of_unfinished_import(table)
    return false() if belongs is None else and_(stored_in_project(table), belongs)


def stored_in_project(table: FromClause) -> ColumnElement[bool]:
    """The condition that a row belongs to the transaction's project, be it there yet or not."""
    return table.c.project_id == bindparam(PROJECT_PARAMETER)


def _is_of_unfinished_import(table: FromClause) -> ColumnElement[bool] | None:
    names = ("item_id", "source_id") if "parent_id" not in table.c else ("id",)
    item = next((table.c[name] for name in names if name in table.c), None)
    return None if item is None else item.between(_imported("import_first"), _imported("import_last"))


def _imported(column: str) -> ScalarSelect[int]:
    own = projects.alias()
    return select(own.c[column]).where(own.c.id == bindparam(PROJECT_PARAMETER)).scalar_subquery()


@cache
def _insert(table: Table) -> Insert:
    return table.insert()


Work = Callable[[Transaction], T]
