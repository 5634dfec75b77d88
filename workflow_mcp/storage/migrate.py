"""Runs the package's migrations. The only module that imports Alembic; imported when a migration has to run.

A migration is a function `upgrade(op)` that gets its operations as an argument. `alembic.op` and
`alembic.context` are not used because they are global to the process: with them, two projects that are
upgraded at once reach each other's connections.
"""

from __future__ import annotations

import os

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select

from workflow_mcp.storage.tables import alembic_version

SCRIPTS = os.path.join(os.path.dirname(__file__), "migrations")


def upgrade(connection: Connection, revision: str = "head", *, scripts: str | None = None) -> None:
    """Bring the schema up to `revision` within the transaction that `connection` is in; blocking.

    Safe to call in many threads at once, each with a connection of its own.

    Args:
        connection: what is upgraded.
        revision: where to.
        scripts: the folder of the migrations, the package's own by default.
    """
    context = MigrationContext.configure(connection)
    operations, folder = Operations(context), ScriptDirectory(scripts or SCRIPTS)
    missing = list(folder.iterate_revisions(revision, context.get_current_revision()))
    for script in reversed(missing):
        script.module.upgrade(operations)
    context.stamp(folder, revision)


def version_in(connection: Connection) -> str | None:
    """The revision that the schema is at; None when there is none."""
    return connection.execute(select(alembic_version.c.version_num)).scalar_one_or_none()
