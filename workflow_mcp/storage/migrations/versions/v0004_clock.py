"""What the machine's clock was set to, so that a clock that is set anew moves no lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0004"
down_revision = "0003"


def upgrade(op: Operations) -> None:
    """Add the columns; the next change fills them."""
    op.add_column("projects", sa.Column("boot", sa.String(64)))
    op.add_column("projects", sa.Column("booted_at", sa.BigInteger()))
