"""Runs migrations on the connection it is given, inside the transaction that connection is in."""

from __future__ import annotations

from alembic import context

from workflow_mcp.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
