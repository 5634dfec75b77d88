"""Changes of projects' files, also by other processes: SQLite tells nobody, so the file's stamp is looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from functools import partial
from weakref import WeakValueDictionary

from workflow_mcp.storage.changes import Feed, Signal
from workflow_mcp.storage.sqlite.connections import raw_of
from workflow_mcp.storage.transactions import Transaction
from workflow_mcp.work.values import Project


class Feeds:
    """The projects that are watched, each by one feed.

    Args:
        look: returns what is different after every commit in a project.
    """

    def __init__(self, look: Callable[[Project], Awaitable[Hashable]]) -> None:
        self._look = look
        self._read: WeakValueDictionary[str, Feed] = WeakValueDictionary()

    def read(self, project: Project) -> AbstractAsyncContextManager[Signal]:
        """See `Databases.changes`."""
        return self._read.setdefault(project.known_id, Feed(partial(self._look, project))).read()

    def committed(self, project_id: str) -> None:
        """Note that this process has committed something."""
        if (feed := self._read.get(project_id)) is not None:
            feed.hasten()

    def end(self, failure: BaseException) -> None:
        """Watch no more; what readers wait for raises `failure`."""
        for feed in list(self._read.values()):
            feed.end(failure)


def stamp_of(tx: Transaction) -> tuple[int, int]:
    """The lineage of the file and the number of transactions in it, see `logs`."""
    stamp = raw_of(tx.connection).execute("SELECT * FROM pragma_application_id, pragma_user_version")
    lineage, number = stamp.fetchone()
    return lineage, number
