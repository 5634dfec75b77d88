"""Which conversations one Claude Code process has had: after `/clear` the new one goes on with what the last held."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict

from workflow_mcp.sessions.stores.protocol import SessionStore

logger = logging.getLogger(__name__)

COLLECTION = "conversations"
LIFETIME = 604_800.0  # seconds
MAX_EARLIER = 8
MAX_CONVERSATIONS = 10_000


class Conversations:
    """Conversations of Claude Code, by the name of their main agent, and those that the same process had before.

    Args:
        store: where that survives this process; None: nowhere.
    """

    def __init__(self, store: SessionStore | None) -> None:
        self._store = store
        self._current: dict[str, str] = {}
        self._earlier: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    async def earlier(self, process: str | None, name: str) -> tuple[str, ...]:
        """The conversations that came before this one, the last first; it is the process's current one from now on.

        Args:
            process: what identifies the Claude Code process; None when nothing does.
            name: the conversation that the process is in.
        """
        known = self._earlier.get(name)
        if known is None:
            known = await self._load(name)
        last = None if process is None else self._current.get(process)
        if process is not None:
            self._current[process] = name
        if last is not None and last != name:
            before = (last, *self._earlier.get(last, ()), *known)
            known = tuple(dict.fromkeys(one for one in before if one != name))[:MAX_EARLIER]
            await self._save(name, known)
        self._remember(name, known)
        return known

    def closed(self, process: str) -> None:
        """Forget which conversation a process was in that has gone."""
        self._current.pop(process, None)

    def _remember(self, name: str, earlier: tuple[str, ...]) -> None:
        self._earlier[name] = earlier
        self._earlier.move_to_end(name)
        if len(self._earlier) > MAX_CONVERSATIONS:
            self._earlier.popitem(last=False)

    async def _load(self, name: str) -> tuple[str, ...]:
        if self._store is None:
            return ()
        try:
            entry = await self._store.get(_key(name), collection=COLLECTION)
            return () if entry is None else tuple(str(one) for one in entry["earlier"][:MAX_EARLIER])
        except Exception:
            logger.warning("what a conversation followed cannot be read", exc_info=True)
            return ()

    async def _save(self, name: str, earlier: tuple[str, ...]) -> None:
        if self._store is None:
            return
        try:
            await self._store.put(_key(name), {"earlier": list(earlier)}, collection=COLLECTION, ttl=LIFETIME)
        except Exception:
            logger.warning("what a conversation followed cannot be stored", exc_info=True)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
