"""Projects, work items and all that belongs to them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Create the tables."""
    _create_projects(op)
    _create_items(op)
    _create_item_texts(op)
    _create_labels(op)
    _create_links(op)
    _create_notes(op)
    _create_events(op)
    _create_requests(op)


def _to_item(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id", column], ["items.project_id", "items.id"], deferrable=True, initially="DEFERRED"
    )


def _create_projects(op: Operations) -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("next_item_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def _create_items(op: Operations) -> None:
    op.create_table(
        "items",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("item_type", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer()),
        sa.Column("assignee", sa.String(100)),
        sa.Column("claim_expires_at", sa.BigInteger()),
        sa.Column("lease_seconds", sa.Integer()),
        sa.Column("waits", sa.Integer(), nullable=False),
        sa.Column("hidden_by", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger()),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        _to_item("parent_id"),
    )
    op.create_index(
        "ix_items_queue", "items", ["project_id", "hidden_by", "status", "waits", "priority", "created_at", "id"]
    )
    op.create_index(
        "ix_items_open", "items", ["project_id", "hidden_by", "completed_at", "priority", "created_at", "id"]
    )
    op.create_index("ix_items_parent", "items", ["project_id", "parent_id", "hidden_by", "completed_at"])
    op.create_index("ix_items_assignee", "items", ["project_id", "assignee", "completed_at"])
    op.create_index("ix_items_claim", "items", ["project_id", "claim_expires_at"])


def _create_item_texts(op: Operations) -> None:
    op.create_table(
        "item_texts",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "item_id"),
        _to_item("item_id"),
    )


def _create_labels(op: Operations) -> None:
    op.create_table(
        "labels",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("label", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "item_id", "label"),
        _to_item("item_id"),
    )
    op.create_index("ix_labels_label", "labels", ["project_id", "label", "item_id"])


def _create_links(op: Operations) -> None:
    op.create_table(
        "links",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("target_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "source_id", "target_id", "kind"),
        _to_item("source_id"),
        _to_item("target_id"),
    )
    op.create_index("ix_links_target", "links", ["project_id", "target_id", "kind"])


def _create_notes(op: Operations) -> None:
    text: list[sa.Column[Any]] = [
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    ]
    _create_item_log(op, "notes", text)


def _create_events(op: Operations) -> None:
    change: list[sa.Column[Any]] = [
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
    ]
    _create_item_log(op, "events", change)


def _create_item_log(op: Operations, name: str, columns: list[sa.Column[Any]]) -> None:
    op.create_table(
        name,
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *columns,
        _to_item("item_id"),
    )
    op.create_index(f"ix_{name}_item", name, ["project_id", "item_id", "id"])


def _create_requests(op: Operations) -> None:
    op.create_table(
        "requests",
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("item_ids", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "request_id"),
    )
