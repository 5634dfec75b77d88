"""Where items come from that were imported from another program."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0006"
down_revision = "0005"


def upgrade(op: Operations) -> None:
    """Create the table."""
    op.create_table(
        "origins",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("external_ref", sa.String(255), nullable=False),
        sa.Column("imported", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "item_id"),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"], ["items.project_id", "items.id"], deferrable=True, initially="DEFERRED"
        ),
    )
    op.create_index("ix_origins_ref", "origins", ["project_id", "external_ref"], unique=True)
