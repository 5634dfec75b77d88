"""An index of what searches look in, archived projects, and the repositories that work in a project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations) -> None:
    """Create the tables, and index the texts there are."""
    op.add_column("projects", sa.Column("archived_at", sa.BigInteger()))
    op.create_table(
        "repositories",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text()),
        sa.Column("first_commit", sa.String(64)),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "place"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
    )
    # In the order of a list, as the other indexes of lists.
    op.drop_index("ix_items_assignee", "items")
    op.create_index(
        "ix_items_assignee",
        "items",
        ["project_id", "assignee", "hidden_by", "completed_at", "priority", "created_at", "id"],
    )
    # With all columns of a link: SQLite reads all links of a project rather than an index that lacks one.
    op.drop_index("ix_links_target", "links")
    op.create_index("ix_links_target", "links", ["project_id", "target_id", "kind", "source_id"])
    if op.get_bind().dialect.name == "sqlite":
        _index_trigrams(op)


def _index_trigrams(op: Operations) -> None:
    # Texts are folded already. Without positions the index takes a third of the room; a search looks at the
    # texts themselves after it.
    op.execute(
        "CREATE VIRTUAL TABLE item_trigrams USING fts5(folded, content='item_texts', content_rowid='item_id', "
        "tokenize='trigram case_sensitive 1', detail=none, columnsize=0)"
    )
    remove = "INSERT INTO item_trigrams (item_trigrams, rowid, folded) VALUES ('delete', old.item_id, old.folded);"
    add = "INSERT INTO item_trigrams (rowid, folded) VALUES (new.item_id, new.folded);"
    op.execute(f"CREATE TRIGGER item_texts_added AFTER INSERT ON item_texts BEGIN {add} END")
    op.execute(f"CREATE TRIGGER item_texts_changed AFTER UPDATE OF folded ON item_texts BEGIN {remove} {add} END")
    op.execute(f"CREATE TRIGGER item_texts_removed AFTER DELETE ON item_texts BEGIN {remove} END")
    op.execute("INSERT INTO item_trigrams (item_trigrams) VALUES ('rebuild')")
