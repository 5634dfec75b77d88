"""Which items of a project belong to an import that has not ended, and so are not there yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0003"
down_revision = "0002"


def upgrade(op: Operations) -> None:
    """Add the columns: no import, of the ids from 0 to 0."""
    for column in ("import_first", "import_last"):
        op.add_column("projects", sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("projects", sa.Column("import_token", sa.String(32)))
    op.add_column("projects", sa.Column("import_until", sa.BigInteger()))
