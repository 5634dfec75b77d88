"""Small values that several servers share and that belong to no project, such as sessions. Blocking."""

from __future__ import annotations

from typing import Any

from workflow_mcp.storage.postgresql.connections import check_version, connected, open_engine, raw_of

MAX_CONNECTIONS = 4
MAX_ENTRIES = 10_000

NAME = "server_entries"
TABLE = (
    "CREATE TABLE IF NOT EXISTS server_entries (collection text NOT NULL, name text NOT NULL, value text NOT NULL,"
    " expires_at timestamptz NOT NULL, PRIMARY KEY (collection, name))"
)

# Times are the database's, which is the one clock that all servers have. Values are texts and not `jsonb`, which
# refuses some of what JSON can hold; what is merged has none of that.
_GET = "SELECT value FROM server_entries WHERE collection = %(collection)s AND name = %(name)s AND expires_at > now()"
_PUT = (
    "INSERT INTO server_entries (collection, name, value, expires_at)"
    " VALUES (%(collection)s, %(name)s, %(value)s, now() + make_interval(secs => %(ttl)s))"
    " ON CONFLICT (collection, name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at"
)
_TAKE = "DELETE FROM server_entries WHERE collection = %(collection)s AND name = %(name)s RETURNING expires_at > now()"
_CHANGE = (
    "UPDATE server_entries SET value = (value::jsonb || %(changed)s::jsonb)::text,"
    " expires_at = now() + make_interval(secs => %(ttl)s)"
    " WHERE collection = %(collection)s AND name = %(name)s AND expires_at > now()"
)
_MERGE = (
    "INSERT INTO server_entries AS before (collection, name, value, expires_at)"
    " VALUES (%(collection)s, %(name)s, %(value)s, now() + make_interval(secs => %(ttl)s))"
    " ON CONFLICT (collection, name) DO UPDATE SET expires_at = excluded.expires_at, value ="
    " CASE WHEN before.expires_at > now() THEN (before.value::jsonb || %(changed)s::jsonb)::text"
    " ELSE excluded.value END"
)
_COUNT = "SELECT count(*) FROM server_entries WHERE collection = %(collection)s AND expires_at > now()"
_CULL = "DELETE FROM server_entries WHERE expires_at <= now()"
_TRIM = (
    "DELETE FROM server_entries WHERE (collection, name) IN (SELECT collection, name FROM (SELECT collection, name,"
    " row_number() OVER (PARTITION BY collection ORDER BY expires_at DESC) AS place FROM server_entries) AS placed"
    " WHERE place > %(maximum)s)"
)
_VERSION = "SELECT version_num FROM alembic_version"


class Entries:
    """Entries by collection and name, each with a time to live; thread-safe.

    Each method is one statement, which is its own transaction.

    Args:
        url: where the database is.
        pooled: whether a pooler in transaction mode stands between.
        maximum: most entries in one collection; beyond it, `cull` removes what expires first.

    Raises:
        psycopg.Error: from every method, or SQLAlchemy's for it.
    """

    def __init__(self, url: str, *, pooled: bool = False, maximum: int = MAX_ENTRIES) -> None:
        self._engine = open_engine(url, pooled=pooled, maximum=MAX_CONNECTIONS)
        self._maximum = maximum

    def get(self, collection: str, name: str) -> str | None:
        """The value; None when there is none or it has expired."""
        value: str | None = self._scalar(_GET, collection=collection, name=name)
        return value

    def put(self, collection: str, name: str, value: str, ttl: float) -> None:
        """Keep the value for `ttl` seconds, in place of any before."""
        self._execute(_PUT, collection=collection, name=name, value=value, ttl=ttl)

    def take(self, collection: str, name: str) -> bool:
        """Remove the value; whether there was one, which is True for one of those who remove it at once."""
        return bool(self._scalar(_TAKE, collection=collection, name=name))

    def change(self, collection: str, name: str, changed: str, ttl: float) -> None:
        """Set members of a value that is a JSON object, and its time to live; nothing where there is no value."""
        self._execute(_CHANGE, collection=collection, name=name, changed=changed, ttl=ttl)

    def merge(self, collection: str, name: str, changed: str, value: str, ttl: float) -> None:
        """The same; where there is no value it becomes `value`."""
        self._execute(_MERGE, collection=collection, name=name, changed=changed, value=value, ttl=ttl)

    def count(self, collection: str) -> int:
        """How many entries there are."""
        return int(self._scalar(_COUNT, collection=collection))

    def cull(self) -> None:
        """Remove what has expired, and what is too much."""
        self._execute(_CULL)
        self._execute(_TRIM, maximum=self._maximum)

    def check(self) -> None:
        """Check that the database has the tables that this version knows."""
        check_version(self._scalar(_VERSION))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _scalar(self, statement: str, **values: Any) -> Any:
        with connected(self._engine) as connection:
            row = raw_of(connection).execute(statement, values).fetchone()
        return None if row is None else row[0]

    def _execute(self, statement: str, **values: Any) -> None:
        with connected(self._engine) as connection:
            raw_of(connection).execute(statement, values)
