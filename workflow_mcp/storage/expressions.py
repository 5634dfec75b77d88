"""Conditions that each database has to be told in words of its own."""

from __future__ import annotations

from typing import Any, Self

from sqlalchemy import Boolean, SelectBase
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType


class _Chosen(FunctionElement[bool]):
    type = Boolean()
    name = "chosen"
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - whatever it is a part of
        """Itself: it is a condition already, and SQLite uses no index for `(x IN …) = 1`."""
        return self


def chosen(column: ColumnElement[Any], ids: SelectBase) -> ColumnElement[bool]:
    """The condition that a column has one of the values that `ids` selects, which is run once and before anything else.

    PostgreSQL's planner is free to run what stands in `IN` once for each row that it looks at.
    """
    return _Chosen(column, ids.scalar_subquery())


@compiles(_Chosen)
def _in(element: _Chosen, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN {ids}"


@compiles(_Chosen, "postgresql")
def _any(element: _Chosen, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY (ARRAY{ids})"
