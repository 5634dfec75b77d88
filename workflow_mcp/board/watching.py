"""Watching a project for all boards that are open on it: one task reads what happens, and tells every stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sse_starlette import ServerSentEvent

from workflow_mcp.storage.changes import Served, Signal
from workflow_mcp.work.history import MAX_ENTRIES, Entry, HistoryQuery
from workflow_mcp.work.values import Project

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store

PAUSE_SECONDS = 0.25
MAX_ITEMS = 200


@dataclass(frozen=True, slots=True)
class News:
    """What has changed: the ids of items, none where too much has; and the position that the history is at."""

    items: tuple[int, ...]
    event: int

    def sent(self) -> ServerSentEvent:
        """The event for the page."""
        return ServerSentEvent(
            json.dumps({"items": self.items, "event": self.event}), event="change", id=str(self.event)
        )


class Listener(Signal):
    """One stream: collects what happens until it can be sent."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[int, None] = {}
        self._is_much = False
        self._event = 0

    def add(self, news: News) -> None:
        """Tell the stream."""
        self._items |= dict.fromkeys(news.items)
        self._is_much = self._is_much or not news.items or len(self._items) > MAX_ITEMS
        self._event = news.event
        self.tell()

    def take(self) -> News:
        """All that has been collected."""
        items = () if self._is_much else tuple(self._items)
        self._items, self._is_much = {}, False
        return News(items, self._event)


class Watch(Served[Listener]):
    """Reads what happens in a project, at most four times a second and only while there are listeners.

    Args:
        store: holds the project.
        project: whose history is read.
        pause: seconds between two readings at least.
    """

    def __init__(self, store: Store, project: Project, *, pause: float = PAUSE_SECONDS) -> None:
        super().__init__()
        self._store = store
        self._project = project
        self._pause = pause

    async def _serve(self, begun: Callable[[], None]) -> None:
        async with self._store.changes(self._project) as changed:
            position = (await self._store.history(self._project, HistoryQuery(limit=1))).settled
            begun()
            while True:
                await changed.next()
                news = await news_since(self._store, self._project, position)
                if news is not None:
                    position = news.event
                    for listener in self._signals:
                        listener.add(news)
                await asyncio.sleep(self._pause)


async def news_since(store: Store, project: Project, position: int) -> News | None:
    """What has happened after a position; None when nothing has.

    A history that ends before the position is another one: a backup was put in the project's place.
    """
    history = await store.history(project, HistoryQuery(after=position, limit=MAX_ENTRIES))
    if history.settled < position or len(history.entries) == MAX_ENTRIES:
        return News((), (await store.history(project, HistoryQuery(limit=1))).settled)
    return News(_items_of(history.entries), history.settled) if history.entries else None


def _items_of(entries: Iterable[Entry]) -> tuple[int, ...]:
    items = tuple(dict.fromkeys(entry.item for entry in entries))
    return items if len(items) <= MAX_ITEMS else ()


class Watches:
    """The watches of all projects that somebody looks at."""

    def __init__(self) -> None:
        self._watches: WeakValueDictionary[str, Watch] = WeakValueDictionary()

    def of(self, store: Store, project: Project) -> Watch:
        """The project's watch, which its listeners keep alive."""
        watch = self._watches.get(project.known_id)
        if watch is None:
            self._watches[project.known_id] = watch = Watch(store, project)
        return watch

    def __len__(self) -> int:
        """How many projects are watched now."""
        return sum(1 for watch in self._watches.values() if len(watch))
