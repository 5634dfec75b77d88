"""Where the projects' work lives. Imported by the first call that needs it: SQLAlchemy takes its time."""

from __future__ import annotations

from workflow_mcp.store.claims import DEFAULT_LEASE
from workflow_mcp.store.problems import ItemError
from workflow_mcp.store.store import Store
from workflow_mcp.store.values import (
    UNSET,
    Actor,
    Counts,
    Event,
    ImportResult,
    Item,
    ItemDetail,
    ItemPage,
    ItemQuery,
    ItemSummary,
    ItemUpdate,
    Linked,
    LinkResult,
    NewItem,
    Note,
    ProjectPage,
    ProjectRef,
    Unset,
    UpdateResult,
)

__all__ = [
    "DEFAULT_LEASE",
    "UNSET",
    "Actor",
    "Counts",
    "Event",
    "ImportResult",
    "Item",
    "ItemDetail",
    "ItemError",
    "ItemPage",
    "ItemQuery",
    "ItemSummary",
    "ItemUpdate",
    "LinkResult",
    "Linked",
    "NewItem",
    "Note",
    "ProjectPage",
    "ProjectRef",
    "Store",
    "Unset",
    "UpdateResult",
]
