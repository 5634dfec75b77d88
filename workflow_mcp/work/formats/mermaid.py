"""A project as a Mermaid flowchart: what waits for what, and what belongs below what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflow_mcp.work.formats.snapshot import Record, Snapshot
from workflow_mcp.work.text import visible

MAX_LABEL = 60
# Letters, digits and what means nothing in a label; all else as Mermaid's own entities.
SPECIAL = re.compile(r"[^\w ,.?/-]")
STYLES = {
    "pending": "fill:#ffffff,stroke:#333333,color:#000000",
    "in_progress": "fill:#ffe08a,stroke:#333333,color:#000000",
    "completed": "fill:#b7e1b0,stroke:#333333,color:#000000",
    "cancelled": "fill:#dddddd,stroke:#333333,color:#000000",
}


def mermaid(snapshot: Snapshot) -> str:
    """Solid arrows lead from an item to what waits for it, dotted lines from a parent to what is below it."""
    return "\n".join(_lines(snapshot))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield "flowchart LR"
    for item in snapshot.items.values():
        yield f'    i{item["id"]}["{_label(item)}"]:::{item["status"]}'
    for item in snapshot.items.values():
        if item["parent"] is not None:
            yield f"    i{item['parent']} -.- i{item['id']}"
    for link in snapshot.links:
        if link["link"] == "blocks":
            yield f"    i{link['source']} --> i{link['target']}"
    for status, style in STYLES.items():
        yield f"    classDef {status} {style}"


def _label(item: Record) -> str:
    title = visible(item["title"])
    short = title if len(title) <= MAX_LABEL else f"{title[: MAX_LABEL - 1]}…"
    return f"#35;{item['id']} {SPECIAL.sub(lambda found: f'#{ord(found[0])};', short)}"
