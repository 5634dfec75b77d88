"""The tables of the database, who may use them, and which rows a transaction sees. Blocking."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, create_engine, make_url, text

from workflow_mcp.storage import tables
from workflow_mcp.storage.migrate import upgrade, version_in
from workflow_mcp.storage.postgresql import entries
from workflow_mcp.storage.postgresql.check import check_encoding
from workflow_mcp.storage.postgresql.connections import ALL_PROJECTS, driver_url, key_of
from workflow_mcp.storage.postgresql.faults import newer, store_errors

ENCODING = "SELECT current_setting('server_encoding'), current_database()"
CURRENT = "current_setting('workflow.project', true)"
# What many projects in one table need: the last event of each is found at once.
INDEXES = ("CREATE INDEX IF NOT EXISTS ix_events_project ON events (project_id, id)",)
# What shows which projects there are, and whose they are.
CATALOGUE = (tables.projects, tables.members)


def migrate(url: str, role: str) -> tuple[str | None, str]:
    """Bring the database's tables up to date, and let a role use them; the versions before and after.

    Args:
        url: the database, as the user who owns its tables.
        role: who may use them.

    Raises:
        StoreError: `STORE_NEWER` or `STORE_UNSUITABLE`, or see `store_errors`.
    """
    engine = create_engine(driver_url(url))
    try:
        with store_errors(), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key_of("migrations")})
            name, encoding = connection.execute(
                text("SELECT current_database(), current_setting('server_encoding')")
            ).one()
            check_encoding(encoding, name)
            before = stored_version(connection)
            if before is not None and before > tables.VERSION:
                raise newer(before, tables.VERSION)
            upgrade(connection)
            for statement in _statements(connection, role):
                connection.execute(text(statement))
            return before, tables.VERSION
    finally:
        engine.dispose()


def user_of(url: str) -> str | None:
    """The user that a URL names."""
    return make_url(url).username


def stored_version(connection: Connection) -> str | None:
    """The version of the tables; None when there are none."""
    there = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar()
    return None if there is None else version_in(connection)


def _statements(connection: Connection, role: str) -> Iterator[str]:
    yield from INDEXES
    yield entries.TABLE
    for table in tables.metadata.sorted_tables:
        yield from _policies(table)
    yield from _grants(connection.dialect.identifier_preparer.quote_identifier(role))


def _policies(table: Table) -> Iterator[str]:
    """Only rows of the project that the transaction named; or of all their names and members."""
    column = "id" if table is tables.projects else "project_id"
    if column not in table.c:
        return
    own = f"{column} = {CURRENT}"
    visible = f"{own} OR {CURRENT} = '{ALL_PROJECTS}'" if table in CATALOGUE else own
    yield f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS of_project ON {table.name}"
    yield f"CREATE POLICY of_project ON {table.name} USING ({visible}) WITH CHECK ({own})"


def _grants(role: str) -> Iterator[str]:
    yield f"GRANT SELECT ON alembic_version TO {role}"
    for table in tables.metadata.sorted_tables:
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table.name} TO {role}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {entries.NAME} TO {role}"
    for table in (tables.notes, tables.events):
        yield f"GRANT USAGE ON SEQUENCE {table.name}_id_seq TO {role}"
