"""Cards, columns and history as the JSON of the board's interface."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from workflow_mcp.work.board import Board, Card, Column
from workflow_mcp.work.changed_fields import changes_text
from workflow_mcp.work.errors import numbers
from workflow_mcp.work.history import Entry
from workflow_mcp.work.lines import MAX_SHOWN_WAITS, cut
from workflow_mcp.work.text import visible
from workflow_mcp.work.values import Item

STATES = {"blocked": "backlog", "completed": "done"}
LINKING = ("linked", "unlinked")
# The kinds of links, seen from the other end.
INVERSE = {
    "blocks": "blocked_by",
    "relates_to": "relates_to",
    "duplicates": "duplicated_by",
    "discovered_from": "led_to",
}
MAX_CHANGES_BYTES = 300


def card_object(card: Card) -> dict[str, Any]:
    """A card."""
    return {**item_object(card.item), "directory": card.directory, "children": card.children}


def item_object(item: Item) -> dict[str, Any]:
    """An item as a card, of which only the item is known."""
    held = item.state == "in_progress"
    return {
        "id": item.id,
        "title": item.title,
        "type": item.item_type,
        "status": item.status,
        "state": STATES.get(item.state, item.state),
        "priority": item.priority,
        "labels": list(item.labels),
        "assignee": item.assignee,
        "holder": item.assignee if held else None,
        "lease_until": seconds(item.claim_expires_at) if held else None,
        "directory": None,
        "parent": item.parent,
        "waits_for": list(item.waits_for),
        "why": _why(item),
        "version": item.version,
        "children": None,
    }


def _why(item: Item) -> str | None:
    if not item.blocked:
        return None
    more = len(item.waits_for) > MAX_SHOWN_WAITS
    return f"waits for {numbers(item.waits_for[:MAX_SHOWN_WAITS])}{' and more' if more else ''}"


def seconds(at: datetime | None) -> float | None:
    """A time as seconds since the epoch."""
    return None if at is None else at.timestamp()


def column_object(column: Column) -> dict[str, Any]:
    """A column."""
    items = [card_object(card) for card in column.cards]
    return {"name": column.name, "count": column.count, "items": items, "next": column.next_cursor}


def board_object(board: Board) -> dict[str, Any]:
    """All columns and epics."""
    columns = [column_object(column) for column in board.columns]
    return {"event": board.event, "columns": columns, "epics": [asdict(epic) for epic in board.epics]}


def forest(cards: Iterable[Card]) -> list[dict[str, Any]]:
    """Cards below each other: the cards whose parent is not among them, each with those below it."""
    nodes = {card.item.id: {**card_object(card), "children": []} for card in cards}
    roots: list[dict[str, Any]] = []
    for node in nodes.values():
        parent = nodes.get(node["parent"])
        (roots if parent is None else parent["children"]).append(node)
    return roots


def entry_object(entry: Entry) -> dict[str, Any]:
    """One change, as a line of an activity feed."""
    return {
        "event": entry.position,
        "at": seconds(entry.at),
        "by": visible(entry.actor),
        "item": entry.item,
        "title": entry.title,
        "action": entry.action,
        "text": visible(_told(entry)),
    }


def _told(entry: Entry) -> str:
    kind, changes = str(entry.changes.get("kind")), entry.changes
    for end, called in (("to", kind), ("from", INVERSE.get(kind, kind))):
        if entry.action in LINKING and isinstance(changes.get(end), int):
            return f"{entry.action}: {called.replace('_', ' ')} #{changes[end]}"
    return f"{entry.action} {cut(changes_text(changes), MAX_CHANGES_BYTES)}".strip()
