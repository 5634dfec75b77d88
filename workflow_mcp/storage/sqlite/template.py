"""What a new project's file starts with: made by the migrations once in a process, and copied from then on."""

from __future__ import annotations

import contextlib
import sqlite3
from functools import cache

from sqlalchemy import StaticPool, create_engine


def copy_template(path: str) -> None:
    """Give an empty file the tables, which are still without rows; blocking.

    Raises:
        OSError: it cannot be written.
    """
    from workflow_mcp.storage import migrate  # noqa: PLC0415 - Alembic takes 0.3 s to import

    with open(path, "r+b") as file:
        file.write(_made_by(migrate.SCRIPTS))


@cache
def _made_by(scripts: str) -> bytes:
    from workflow_mcp.storage.migrate import upgrade  # noqa: PLC0415 - as above

    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as memory:
        engine = create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)
        with engine.begin() as connection:
            upgrade(connection, scripts=scripts)
        return memory.serialize()
