"""Runs statements on the driver's cursor: SQLAlchemy compiles each once, and has no part in running it.

What it does for each run takes about 60 µs, several times as long as SQLite needs for a row that it finds by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import result_tuple
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import ReturnsRows

from workflow_mcp.storage.sqlite.connections import raw_of

DIALECT = sqlite.dialect()
MAX_STATEMENTS = 512

Values = Mapping[str, Any]
Convert = Callable[[Any], Any]
MakeRow = Callable[[Iterable[Any]], Any]


def run(connection: Connection, statement: Executable, values: Values | Sequence[Values]) -> Sequence[Row[Any]]:
    """See `transactions.Run`.

    Raises:
        sqlite3.Error: as the driver raises it.
    """
    cursor = raw_of(connection).cursor()
    if isinstance(values, Mapping):
        compiled = _compiled_for(statement, values)
        cursor.execute(compiled.text, compiled.arguments(values))
        return () if compiled.make_row is None else compiled.rows(cursor.fetchall(), compiled.make_row)
    for compiled, group in groupby(values, partial(_compiled_for, statement)):
        cursor.executemany(compiled.text, map(compiled.arguments, group))
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """A statement as text.

    Attributes:
        text: the SQL.
        slots: for each `?`, or all those of a list, the parameter's name, how many they are, and the conversion.
        constants: the values of parameters that are parts of the statement.
        make_row: makes a row of its values; None for a statement without any.
        conversions: of values in rows, each with the column's index.
    """

    text: str
    slots: tuple[tuple[str, int | None, Convert | None], ...]
    constants: Values
    make_row: MakeRow | None
    conversions: tuple[tuple[int, Convert], ...]

    def arguments(self, given: Values) -> list[Any]:
        values, found = {**self.constants, **given}, list[Any]()
        for name, count, convert in self.slots:
            some = [values[name]] if count is None else _repeated(values[name], count)
            found += some if convert is None else map(convert, some)
        return found

    def rows(self, fetched: Iterable[Iterable[Any]], make_row: MakeRow) -> list[Row[Any]]:
        return [make_row(self._converted(one)) for one in fetched] if self.conversions else list(map(make_row, fetched))

    def _converted(self, row: Iterable[Any]) -> Iterable[Any]:
        values = list(row)
        for index, convert in self.conversions:
            if values[index] is not None:  # NULL is None, of whatever type it is
                values[index] = convert(values[index])
        return values


def _repeated(values: Sequence[Any], count: int) -> list[Any]:
    """So many values: the last of these is repeated."""
    return [*values, *[values[-1]] * (count - len(values))]


def _compiled_for(statement: Executable, values: Values) -> _Compiled:
    names = tuple(values)
    return _compiled(statement, names, tuple([_places_for(values[name]) for name in _lists(statement, names)]))


def _places_for(value: Sequence[Any]) -> int:
    """How many `?` stand for a list: a power of two, for each number of them is another text to compile."""
    return 1 << (len(value) - 1).bit_length() if value else 0


@lru_cache(maxsize=MAX_STATEMENTS)
def _lists(statement: Executable, names: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters of these names whose values are lists, for each element of which the SQL has a `?`."""
    binds = _compiler(statement, names).bind_names
    return tuple(dict.fromkeys(name for bind, name in binds.items() if bind.expanding and name in names))


@lru_cache(maxsize=MAX_STATEMENTS)
def _compiled(statement: Executable, names: tuple[str, ...], lengths: tuple[int, ...]) -> _Compiled:
    lists = dict(zip(_lists(statement, names), lengths, strict=True))
    examples = dict.fromkeys(names) | {name: [None] * length for name, length in lists.items()}
    compiler = _compiler(statement, names)
    state, converting = compiler.construct_expanded_state(examples), _bind_conversions(compiler)
    first = {elements[0]: name for name, elements in state.parameter_expansion.items() if name in lists and elements}
    others = {one for name in lists for one in state.parameter_expansion.get(name, ())[1:]}
    names_of = (first.get(one, one) for one in state.positiontup or () if one not in others)
    slots = [(name, lists.get(name), converting.get(name)) for name in names_of]
    constants = {name: value for name, value in state.parameters.items() if name not in names}
    return _Compiled(state.statement, tuple(slots), constants, *_row_of(statement))


def _bind_conversions(compiler: SQLCompiler) -> dict[str, Convert]:
    converting = ((name, bind.type.dialect_impl(DIALECT)) for bind, name in compiler.bind_names.items())
    found = ((name, one.bind_processor(DIALECT)) for name, one in converting)
    return {name: convert for name, convert in found if convert is not None}


def _compiler(statement: Executable, names: tuple[str, ...]) -> SQLCompiler:
    compiled = cast("ClauseElement", statement).compile(dialect=DIALECT, column_keys=list(names))
    return cast("SQLCompiler", compiled)


def _row_of(statement: Executable) -> tuple[MakeRow | None, tuple[tuple[int, Convert], ...]]:
    columns = statement.exported_columns if isinstance(statement, ReturnsRows) else None
    if not columns:
        return None, ()
    types = (column.type.dialect_impl(DIALECT) for column in columns.values())
    converting = ((index, one.result_processor(DIALECT, None)) for index, one in enumerate(types))
    conversions = tuple((index, convert) for index, convert in converting if convert is not None)
    return result_tuple(columns.keys()), conversions
