"""The modules of the kind of database that the settings choose, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.settings import Settings


def store_module(settings: Settings) -> ModuleType:
    """The module that opens the store.

    Raises:
        UsageError: `NO_DATABASE_DRIVER`.
    """
    return _module(settings, "store")


def inventory_module(settings: Settings) -> ModuleType:
    """The module that takes the inventory of all projects.

    Raises:
        UsageError: `NO_DATABASE_DRIVER`.
    """
    return _module(settings, "inventory")


def _module(settings: Settings, name: str) -> ModuleType:
    return (sqlite if settings.database_url is None else postgresql)(name)


def sqlite(name: str) -> ModuleType:
    """A module of `sqlite/`, which is not imported before it is needed: SQLAlchemy takes 0.1 s."""
    return import_module(f"workflow_mcp.storage.sqlite.{name}")


def postgresql(name: str) -> ModuleType:
    """A module of `postgresql/`.

    Raises:
        UsageError: `NO_DATABASE_DRIVER`.
    """
    try:
        return import_module(f"workflow_mcp.storage.postgresql.{name}")
    except ImportError as error:
        # Also where it is there, and no library of PostgreSQL's that it could use.
        if not (error.name or "").startswith("psycopg") and "pq wrapper" not in str(error):
            raise
        raise UsageError(
            Code.NO_DATABASE_DRIVER,
            "WORKFLOW_MCP_DATABASE_URL is set, and what reaches PostgreSQL is not installed here.",
            "install `workflow-mcp[postgresql]`.",
        ) from error
