"""Finding words in texts by the index of their trigrams (FTS5)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from workflow_mcp.storage.sqlite.connections import raw_of

MAX_CANDIDATES = 500
TRIGRAM = 3


def find_texts(connection: Connection, words: Sequence[str]) -> Sequence[int] | None:
    """The ids of the items that alone can have all of these folded words in their text.

    None when no word has three characters, or when there are more than `MAX_CANDIDATES`: then a list is
    read in its own order, which finds a page of what is frequent at once.
    """
    trigrams = {word[start : start + TRIGRAM] for word in words for start in range(len(word) - TRIGRAM + 1)}
    if not trigrams:
        return None
    found = raw_of(connection).execute(
        "SELECT rowid FROM item_trigrams WHERE item_trigrams MATCH ? LIMIT ?",
        (" ".join(map(_quoted, sorted(trigrams))), MAX_CANDIDATES + 1),
    )
    ids = [int(row[0]) for row in found]
    return ids if len(ids) <= MAX_CANDIDATES else None


def _quoted(trigram: str) -> str:
    escaped = trigram.replace('"', '""')
    return f'"{escaped}"'
