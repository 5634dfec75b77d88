"""Runs the package's migrations. The only module that imports Alembic; imported when one has to run."""

from __future__ import annotations

import os

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select

from workflow_mcp.storage.tables import alembic_version

SCRIPTS = os.path.join(os.path.dirname(__file__), "migrations")


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to `revision` within the transaction that `connection` is in; blocking."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def version_in(connection: Connection) -> str | None:
    """The revision that the schema is at; None when there is none."""
    return connection.execute(select(alembic_version.c.version_num)).scalar_one_or_none()
