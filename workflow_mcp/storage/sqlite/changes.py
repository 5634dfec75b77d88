"""What is different in a project's file after every commit: SQLite tells nobody, so the file's stamp is looked at."""

from __future__ import annotations

from workflow_mcp.storage.sqlite.connections import raw_of
from workflow_mcp.storage.transactions import Transaction


def stamp_of(tx: Transaction) -> tuple[int, int]:
    """The lineage of the file and the number of transactions in it, see `logs`."""
    stamp = raw_of(tx.connection).execute("SELECT * FROM pragma_application_id, pragma_user_version")
    lineage, number = stamp.fetchone()
    return lineage, number
