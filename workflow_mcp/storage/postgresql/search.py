"""Finding words in texts: all of the project's are read, which takes some 2 ms for 1000 items.

Below row level security PostgreSQL uses no index for a comparison of texts. An index of trigrams behind a function of
the owner's was measured: a search in 20 000 items took 18 ms in place of 50, and creating items up to eight times as
long.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection


def find_texts(_connection: Connection, _words: Sequence[str]) -> Sequence[int] | None:
    """None: the statement of the list compares the texts itself."""
    return None
