"""Whether a database can be served from, looked at once when a server starts. Blocking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from workflow_mcp.errors import Code, StoreError, shown
from workflow_mcp.storage.postgresql.commits import CONNECT_TIMEOUT
from workflow_mcp.storage.postgresql.connections import check_version
from workflow_mcp.storage.postgresql.faults import store_errors

ENCODING = "UTF8"
_STATE = """
SELECT current_setting('server_encoding') AS encoding, current_database() AS name, current_user AS role,
    (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS sees_all,
    (SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = to_regclass('alembic_version')) AS owns
"""


def check_database(url: str) -> None:
    """Check that a server can work with a database, as the user that the URL names.

    Raises:
        StoreError: `STORE_UNREACHABLE`, `STORE_REFUSED`, `STORE_UNSUITABLE`, `STORE_OLDER` or `STORE_NEWER`.
    """
    with store_errors(), psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT, prepare_threshold=None) as connection:
        state = connection.cursor(row_factory=dict_row).execute(_STATE).fetchall()[0]
        check_encoding(state["encoding"], state["name"])
        _check_role(state)
        check_version(None if state["owns"] is None else _version(connection))


def _version(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def check_encoding(encoding: str, name: str) -> None:
    """Refuse a database that cannot store every text.

    Raises:
        StoreError: `STORE_UNSUITABLE`.
    """
    if encoding != ENCODING:
        raise StoreError(
            Code.STORE_UNSUITABLE,
            f"the database {shown(name)} has the encoding {encoding}, which cannot hold every text.",
            f"make another with `createdb --encoding {ENCODING} --template template0`, and name that one.",
        )


def _check_role(state: Mapping[str, Any]) -> None:
    if state["sees_all"] or state["owns"]:
        what = "owns its tables" if state["owns"] and not state["sees_all"] else "is bound by no row level security"
        raise StoreError(
            Code.STORE_UNSUITABLE,
            f"the database's user {shown(state['role'])} {what}: it would not keep the projects apart.",
            "name a user of the server's own in WORKFLOW_MCP_DATABASE_URL, the owner in "
            "WORKFLOW_MCP_DATABASE_OWNER_URL, and run `workflow-mcp database migrate`.",
        )
