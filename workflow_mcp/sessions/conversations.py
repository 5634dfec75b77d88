"""Which conversations one Claude Code process has had: after `/clear` the new one goes on with what the last held."""

from __future__ import annotations

import hashlib
import logging

from workflow_mcp.sessions.stores.protocol import SessionStore

logger = logging.getLogger(__name__)

COLLECTION = "conversations"
PROCESSES = "processes"
LIFETIME = 604_800.0  # seconds
MAX_EARLIER = 8


class Conversations:
    """Conversations of Claude Code, by the name of their main agent, and those that the same process had before.

    Args:
        store: where the conversations are.
        processes: where it is which conversation each process is in.
    """

    def __init__(self, store: SessionStore, *, processes: SessionStore) -> None:
        self._store = store
        self._processes = processes

    async def earlier(self, process: str | None, name: str) -> tuple[str, ...]:
        """The conversations that came before this one, the last first; it is the process's current one from now on.

        Args:
            process: what identifies the Claude Code process; None when nothing does.
            name: the conversation that the process is in.
        """
        last = None if process is None else await self._exchange(process, name)
        known = await self._before(name)
        if last is None or last == name:
            return known
        before = (last, *await self._before(last), *known)
        known = tuple(dict.fromkeys(one for one in before if one != name))[:MAX_EARLIER]
        await self._store.put(_key(name), {"earlier": list(known)}, collection=COLLECTION, ttl=LIFETIME)
        return known

    async def closed(self, process: str) -> None:
        """Forget which conversation a process was in that has gone."""
        await self._processes.delete(process, collection=PROCESSES)

    async def _exchange(self, process: str, name: str) -> str | None:
        """Note the conversation that a process is in; returns the one before, None for the first."""
        entry = await self._processes.get(process, collection=PROCESSES)
        last = None if entry is None else str(entry["name"])
        if last != name:
            await self._processes.put(process, {"name": name}, collection=PROCESSES, ttl=LIFETIME)
        return last

    async def _before(self, name: str) -> tuple[str, ...]:
        entry = await self._store.get(_key(name), collection=COLLECTION)
        try:
            return () if entry is None else tuple(str(one) for one in entry["earlier"][:MAX_EARLIER])
        except (KeyError, TypeError):
            logger.warning("what a conversation followed is damaged in the store", exc_info=True)
            return ()


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
