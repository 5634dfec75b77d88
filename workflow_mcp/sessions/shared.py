"""Sessions that several servers share: every one of them answers by what any of them was told last."""

from __future__ import annotations

import time
from collections.abc import Callable

from workflow_mcp.session_context import MAX_IDLE, SWEEP_INTERVAL, SessionContext, SessionContextManager
from workflow_mcp.sessions.archive import STORED_FIELDS, is_whole, unreadable
from workflow_mcp.sessions.stores.protocol import COLLECTION, Entry, SharedStore

TOUCH_EVERY = 600.0  # seconds; noting each use would double the work of a call


class SharedSessionContextManager(SessionContextManager):
    """A `SessionContextManager` that keeps no copy in memory of a session that another server can change.

    What cannot be stored is an error, `StoreError`, because another server would not know of it. `last_used` is
    stored once in ten minutes.

    Args:
        store: where the sessions are.
        stored_as: the name under which a session key is stored; None for a key that is valid in this process only,
            whose session is kept in memory.
        interval: see `SessionContextManager`, as for the others.
    """

    def __init__(
        self,
        store: SharedStore,
        *,
        stored_as: Callable[[str], str | None],
        interval: float = SWEEP_INTERVAL,
        max_idle: float = MAX_IDLE,
        clock: Callable[[], float] = time.time,
        max_sessions: int,
        is_alive: Callable[[str], bool],
    ) -> None:
        super().__init__(
            interval=interval, max_idle=max_idle, clock=clock, max_sessions=max_sessions, is_alive=is_alive
        )
        self._store = store
        self._stored_as = stored_as
        self._lifetime = max_idle + TOUCH_EVERY

    async def set_working_directory(
        self, session_id: str, directory: str, *, config_path: str | None = None, project_id: str | None = None
    ) -> None:
        """See `SessionContextManager`."""
        if (name := self._stored_as(session_id)) is None:
            await super().set_working_directory(session_id, directory, config_path=config_path, project_id=project_id)
        else:
            found = {"config_path": config_path, "project_id": project_id}
            await self._change(name, {"working_directory": directory, **found})

    async def get_working_directory(self, session_id: str) -> str | None:
        """See `SessionContextManager`."""
        if self._stored_as(session_id) is None:
            return await super().get_working_directory(session_id)
        session = await self.get_session(session_id)
        if session is None:
            return None
        await self.touch(session)
        return session.working_directory

    async def touch(self, session: SessionContext) -> None:
        """See `SessionContextManager`."""
        now = self._clock()
        if (name := self._stored_as(session.session_id)) is None:
            await super().touch(session)
        elif not 0 <= now - session.last_used < TOUCH_EVERY:
            await self._store.merge(name, {"last_used": now}, collection=COLLECTION, ttl=self._lifetime)

    async def get_session(self, session_id: str) -> SessionContext | None:
        """See `SessionContextManager`."""
        if (name := self._stored_as(session_id)) is None:
            return await super().get_session(session_id)
        entry = await self._store.get(name, collection=COLLECTION)
        if entry is None:
            return None
        if not is_whole(entry):
            raise unreadable()
        return SessionContext(session_id, **{field: entry[field] for field in STORED_FIELDS})

    async def set_project(self, session_id: str, *, config_path: str | None, project_id: str | None) -> None:
        """See `SessionContextManager`."""
        if (name := self._stored_as(session_id)) is None:
            await super().set_project(session_id, config_path=config_path, project_id=project_id)
        else:
            await self._change(name, {"config_path": config_path, "project_id": project_id})

    async def end_session(self, session_id: str) -> bool:
        """See `SessionContextManager`."""
        if (name := self._stored_as(session_id)) is None:
            return await super().end_session(session_id)
        return await self._store.delete(name, collection=COLLECTION)

    async def get_session_count(self) -> int:
        """How many sessions there are, those of all servers together and those that only this one knows."""
        return await super().get_session_count() + await self._store.count(COLLECTION)

    async def _change(self, name: str, fields: Entry) -> None:
        now = self._clock()
        new = dict.fromkeys(STORED_FIELDS) | {"set_at": now}
        changed = {**fields, "last_used": now}
        await self._store.merge(name, changed, collection=COLLECTION, ttl=self._lifetime, new=new)

    async def _cleanup_stale_sessions(self) -> int:
        await self._store.cull()
        return await super()._cleanup_stale_sessions()
