"""Statements on the driver's cursor do what they do when SQLAlchemy runs them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, bindparam, create_engine, func, literal, select, union_all, update

from workflow_mcp.storage import tables
from workflow_mcp.storage.sqlite.connections import raw_of
from workflow_mcp.storage.sqlite.statements import run
from workflow_mcp.storage.tables import events, items
from workflow_mcp.storage.transactions import executed

AT = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)


def event(item_id: int, **changes: Any) -> dict[str, Any]:
    """Values for a row of `events`."""
    row = {"project_id": "p", "item_id": item_id, "at": AT, "actor": "ana", "directory": "/w", "action": "created"}
    return {**row, "changes": changes}


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A connection to a database in memory with three events."""
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        tables.metadata.create_all(opened)
        run(opened, events.insert(), [event(1, title=["", "ä"]), event(2), event(3, labels=[[], ["a"]])])
        yield opened
    engine.dispose()


BY_IDS = select(events).where(events.c.item_id.in_(bindparam("ids", expanding=True)), events.c.action == "created")
COUNTED = union_all(
    select(events.c.action, func.count().label("number"), literal(True).label("is_all")).group_by(events.c.action),
    select(literal("none"), func.count(), literal(False)).where(events.c.at > bindparam("after")),
)
IN_CONSTANTS = select(events.c.item_id).where(events.c.item_id.in_((1, 3))).order_by(events.c.id).limit(bindparam("n"))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (BY_IDS, {"ids": [1, 3]}),
        (BY_IDS, {"ids": [2], "unused": 1}),
        (BY_IDS, {"ids": []}),
        (BY_IDS, {"ids": range(500)}),
        (COUNTED, {"after": AT}),
        (IN_CONSTANTS, {"n": 5}),
        (select(func.max(events.c.at).label("last")), {}),
    ],
)
def test_rows_are_the_same(connection: Connection, statement: Executable, values: dict[str, Any]) -> None:
    """Their values, converted by their columns' types, and their names."""
    found, expected = run(connection, statement, values), executed(connection, statement, values)
    assert [row._asdict() for row in found] == [row._asdict() for row in expected]
    assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in expected]


def test_lists_of_many_lengths_are_few_texts(connection: Connection) -> None:
    """A search finds another number of candidates each time; each text would be compiled, by SQLite too."""
    texts = set[str]()
    raw_of(connection).set_trace_callback(
        lambda text: texts.add(re.sub(r"IN \(.*?\)", lambda m: str(m[0].count(",")), text))
    )
    for count in range(1, 200):
        assert len(run(connection, BY_IDS, {"ids": range(2, 2 + count)})) == min(count, 2)
    assert len(texts) == 9


def test_a_list_of_another_length_is_another_text(connection: Connection) -> None:
    """Whatever ran before, and also where a statement runs once for each of several lists."""
    statement = update(events).where(events.c.item_id.in_(bindparam("ids", expanding=True)))
    statement = statement.values(actor=bindparam("new_actor"))
    run(connection, statement, [{"ids": [1, 2], "new_actor": "bob"}, {"ids": [3], "new_actor": "cy"}])
    rows = run(connection, select(events.c.actor).order_by(events.c.item_id), {})
    assert [row.actor for row in rows] == ["bob", "bob", "cy"]


def test_what_a_change_returns_are_rows(connection: Connection) -> None:
    """`RETURNING` of an update."""
    statement = update(events).where(events.c.item_id == bindparam("item")).values(actor=bindparam("new_actor"))
    rows = run(connection, statement.returning(events.c.actor, events.c.at), {"item": 2, "new_actor": "bob"})
    assert [(row.actor, row.at) for row in rows] == [("bob", AT)]
    assert run(connection, statement, {"item": 2, "new_actor": "cy"}) == ()


def test_errors_are_the_drivers(connection: Connection) -> None:
    """As the store expects them."""
    with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
        run(connection, items.insert(), [{"project_id": "p", "id": 1}])
