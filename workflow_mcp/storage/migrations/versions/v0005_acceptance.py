"""By which criteria an item is accepted, and what shows that it is done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0005"
down_revision = "0004"


def upgrade(op: Operations) -> None:
    """Add the columns: no criteria and no evidence."""
    for column in ("acceptance", "evidence"):
        op.add_column("items", sa.Column(column, sa.JSON(), nullable=False, server_default="[]"))
