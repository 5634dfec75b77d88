"""Which principals may work in a project, and what each may do there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0008"
down_revision = "0007"


def upgrade(op: Operations) -> None:
    """Create the table; a project that is there has no members yet."""
    op.create_table(
        "members",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "principal"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
    )
    op.create_index("ix_members_principal", "members", ["principal", "project_id"])
