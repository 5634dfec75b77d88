"""The tables as of the newest migration. Each row belongs to a project; item ids are unique within it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from workflow_mcp.storage.types import Instant, RowId

VERSION = "0008"


metadata = MetaData()
alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))

projects = Table(
    "projects",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("next_item_id", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("archived_at", Instant),
    # The ids of an import that has not ended, whose it is, and until when nobody else may take it for dead.
    Column("import_first", Integer, nullable=False, server_default="0"),
    Column("import_last", Integer, nullable=False, server_default="0"),
    Column("import_token", String(32)),
    Column("import_until", Instant),
    Column("boot", String(64)),
    Column("booted_at", Instant),
)

repositories = Table(
    "repositories",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("place", Text, nullable=False),
    Column("remote", Text),
    Column("first_commit", String(64)),
    Column("joined_at", Instant, nullable=False),
    PrimaryKeyConstraint("project_id", "place"),
    ForeignKeyConstraint(["project_id"], ["projects.id"]),
)

members = Table(
    "members",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("principal", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    PrimaryKeyConstraint("project_id", "principal"),
    ForeignKeyConstraint(["project_id"], ["projects.id"]),
    Index("ix_members_principal", "principal", "project_id"),
)


def _to_item(column: str) -> ForeignKeyConstraint:
    # Deferred, so that an item can be inserted before its parent.
    return ForeignKeyConstraint(
        ["project_id", column], ["items.project_id", "items.id"], deferrable=True, initially="DEFERRED"
    )


items = Table(
    "items",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("id", Integer, nullable=False, autoincrement=False),
    Column("title", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("item_type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("parent_id", Integer),
    Column("assignee", String(100)),
    Column("claim_expires_at", Instant),
    Column("lease_seconds", Integer),
    Column("waits", Integer, nullable=False),
    Column("hidden_by", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("completed_at", Instant),
    Column("created_by", String(100), nullable=False),
    # [{"text": …, "met": …}, …] and ["commit: …", …].
    Column("acceptance", JSON, nullable=False, server_default="[]"),
    Column("evidence", JSON, nullable=False, server_default="[]"),
    PrimaryKeyConstraint("project_id", "id"),
    ForeignKeyConstraint(["project_id"], ["projects.id"]),
    _to_item("parent_id"),
    Index("ix_items_queue", "project_id", "hidden_by", "status", "waits", "priority", "created_at", "id"),
    Index("ix_items_open", "project_id", "hidden_by", "completed_at", "priority", "created_at", "id"),
    Index("ix_items_parent", "project_id", "parent_id", "hidden_by", "completed_at"),
    Index("ix_items_assignee", "project_id", "assignee", "hidden_by", "completed_at", "priority", "created_at", "id"),
    Index("ix_items_claim", "project_id", "claim_expires_at"),
)

item_texts = Table(
    "item_texts",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("item_id", Integer, nullable=False, autoincrement=False),
    Column("folded", Text, nullable=False),
    PrimaryKeyConstraint("project_id", "item_id"),
    _to_item("item_id"),
)

labels = Table(
    "labels",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("item_id", Integer, nullable=False, autoincrement=False),
    Column("label", String(50), nullable=False),
    PrimaryKeyConstraint("project_id", "item_id", "label"),
    _to_item("item_id"),
    Index("ix_labels_label", "project_id", "label", "item_id"),
)

links = Table(
    "links",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("source_id", Integer, nullable=False, autoincrement=False),
    Column("target_id", Integer, nullable=False, autoincrement=False),
    Column("kind", String(16), nullable=False),
    PrimaryKeyConstraint("project_id", "source_id", "target_id", "kind"),
    _to_item("source_id"),
    _to_item("target_id"),
    Index("ix_links_target", "project_id", "target_id", "kind", "source_id"),
)


def _item_log(name: str, *columns: Column[Any]) -> Table:
    """A table of rows about an item that are added in order and never changed."""
    return Table(
        name,
        metadata,
        Column("id", RowId, primary_key=True),
        Column("project_id", String(36), nullable=False),
        Column("item_id", Integer, nullable=False),
        Column("at", Instant, nullable=False),
        *columns,
        _to_item("item_id"),
        Index(f"ix_{name}_item", "project_id", "item_id", "id"),
    )


notes = _item_log("notes", Column("author", String(100), nullable=False), Column("text", Text, nullable=False))

events = _item_log(
    "events",
    Column("actor", String(100), nullable=False),
    Column("directory", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("changes", JSON, nullable=False),
)

# Where items come from that were imported from another program, and what that said of them when they were last.
origins = Table(
    "origins",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("item_id", Integer, nullable=False, autoincrement=False),
    Column("external_ref", String(255), nullable=False),
    Column("imported", JSON, nullable=False),
    PrimaryKeyConstraint("project_id", "item_id"),
    _to_item("item_id"),
    Index("ix_origins_ref", "project_id", "external_ref", unique=True),
)

requests = Table(
    "requests",
    metadata,
    Column("project_id", String(36), nullable=False),
    Column("request_id", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("item_ids", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("project_id", "request_id"),
)
