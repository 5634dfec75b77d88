"""Databases with the store's tables; for workers, too, which import nothing of pytest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from workflow_mcp.storage.postgresql import entries
from workflow_mcp.storage.tables import metadata


@dataclass(frozen=True)
class Database:
    """A database with the store's tables.

    Attributes:
        url: for the role that serves, which owns nothing.
        owner_url: for the role that owns the tables, and may do nothing else.
        admin_url: for the superuser, whom row level security does not bind.
    """

    url: str
    owner_url: str
    admin_url: str

    def run(self, statement: str, *parameters: Any, project: str | None = None) -> list[Any]:
        """What a statement returns, as the superuser; with `project` as the role that serves, in that project."""
        with psycopg.connect(self.admin_url if project is None else self.url) as connection:
            connection.execute("SELECT set_config('workflow.project', %s, true)", [project or ""])
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def clear(self) -> None:
        """Remove all rows; not by TRUNCATE, which takes a hundred times as long where there are few."""
        names = [sql.Identifier(name) for name in (*metadata.tables, entries.NAME)]
        # Without triggers, so that the order does not matter.
        parts = [sql.SQL("SET session_replication_role = replica"), *map(sql.SQL("DELETE FROM {}").format, names)]
        with psycopg.connect(self.admin_url) as connection:
            connection.execute(sql.SQL("; ").join(parts))
