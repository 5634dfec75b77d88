"""Bound calls: what Claude Code's hook says of one call just before it comes (design, "Bound calls").

Within one Claude Code process the main agent, its subagents and worktrees share one connection. The hook names the
agent and its directory together with the id of the call; the call carries the same id.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import TypeVar

from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.sessions.actors import CONVERSATION, actor_name
from workflow_mcp.sessions.principals import owned_digest
from workflow_mcp.sessions.stores.protocol import Entry, SessionStore

logger = logging.getLogger(__name__)

COLLECTION = "bindings"
LIFETIME = 86_400.0  # seconds; a person may take long to permit a call
PATIENCE = 5.0  # seconds one operation of the store may take
MAX_BINDINGS = 1_000
ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
CALL_ID = re.compile(r"[!-~]{1,256}")
AGENT_TYPE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]{0,128}")
T = TypeVar("T")
NEXT_STEP = "call no hook tool yourself; the plugin's hook does, with the ids of Claude Code."


@dataclass(frozen=True, slots=True)
class Binding:
    """Which agent makes a call, and where.

    Attributes:
        session: Claude Code's id of the conversation.
        agent: its id of the subagent; empty for the main agent.
        agent_type: what kind of subagent it is.
        directory: the agent's working directory, unchecked.
    """

    session: str
    agent: str
    agent_type: str
    directory: str

    def key(self, principal: str | None) -> str:
        """The session key of the agent; no principal reaches another's by naming its conversation."""
        return "/".join((conversation_key(self.session, principal), *([self.agent] if self.agent else [])))

    def actor(self, principal: str | None) -> str:
        """The agent's name."""
        return actor_name(_owned(self.session, principal), self.agent, self.agent_type)


def conversation_key(session: str, principal: str | None) -> str:
    """The session key of a conversation's main agent."""
    return CONVERSATION + _owned(session, principal)


def _owned(session: str, principal: str | None) -> str:
    # An id holds no colon, so nothing moves between it and the principal.
    return session if principal is None else f"{principal}:{session}"


def check_binding(binding: Binding, call: str | None = None) -> None:
    """Refuse what no hook of Claude Code says.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    _check("session", binding.session, ID)
    if binding.agent:
        _check("agent", binding.agent, ID)
    _check("agent_type", binding.agent_type, AGENT_TYPE)
    if call is not None:
        _check("call", call, CALL_ID)


def _check(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if pattern.fullmatch(value) is None:
        raise _malformed(name, value)


def _malformed(name: str, value: str) -> UsageError:
    return UsageError(Code.ARGUMENT_INVALID, f"{name} is {shown(value)}, which Claude Code does not send.", NEXT_STEP)


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    stored: bool = False


class Bindings:
    """The bindings of calls that are still to come, each for the principal that made it; each is used once.

    What is bound is in the store before the hook is answered, so that a server that crashes and is started again
    still knows it. A store that fails, fails no call, unless it is shared: then memory knows only what was bound here.

    Args:
        store: where they are; None: in memory only.
        clock: the current time in seconds.
        shared: whether other servers use the store too.
        max_bindings: most for one principal; beyond, its oldest goes.
    """

    def __init__(
        self,
        store: SessionStore | None,
        *,
        clock: Callable[[], float],
        shared: bool = False,
        max_bindings: int = MAX_BINDINGS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._attempt = _await if shared else _attempt
        self._max_bindings = max_bindings
        # For each principal: one that binds without end displaces none but its own.
        self._waiting: dict[str | None, OrderedDict[str, _Waiting]] = {}
        self._come: dict[str | None, OrderedDict[str, None]] = {}

    async def bind(self, principal: str | None, call: str, binding: Binding) -> bool:
        """Bind a call; False, changing nothing, when it has come already or was bound before.

        Raises:
            UsageError: `ARGUMENT_INVALID`.
        """
        check_binding(binding, call)
        name = owned_digest(principal, call)
        waiting = self._waiting.setdefault(principal, OrderedDict())
        if name in waiting or name in self._come.get(principal, ()) or await self._stored(name) is not None:
            return False
        waiting[name] = bound = _Waiting(asdict(binding) | {"bound_at": self._clock()})
        bound.stored = await self._put(name, bound.entry)
        if name not in waiting:  # the call did not wait for its hook
            await self._remove(name)
        while len(waiting) > self._max_bindings:
            oldest, _ = waiting.popitem(last=False)
            await self._remove(oldest)
        return True

    async def use(self, principal: str | None, call: str) -> Binding | None:
        """The binding of a call that has come, which is used up by this; None when there is none."""
        name = owned_digest(principal, call)
        come = self._come.setdefault(principal, OrderedDict())
        come[name] = None
        if len(come) > self._max_bindings:
            come.popitem(last=False)
        bound = self._waiting.get(principal, OrderedDict()).pop(name, None)
        entry = await self._stored(name) if bound is None else bound.entry
        # Of several servers that look at once, the one whose deletion removes it has it.
        if entry is None or ((bound is None or bound.stored) and not await self._remove(name)):
            return None
        return _binding(entry, self._clock())

    async def _stored(self, name: str) -> Entry | None:
        store = self._store
        return None if store is None else await self._attempt(store.get(name, collection=COLLECTION), None)

    async def _put(self, name: str, entry: Entry) -> bool:
        if self._store is None:
            return False
        putting = self._store.put(name, entry, collection=COLLECTION, ttl=LIFETIME)
        return await self._attempt(_true(putting), False)

    async def _remove(self, name: str) -> bool:
        store = self._store
        return store is not None and await self._attempt(store.delete(name, collection=COLLECTION), True)


async def _true(done: Awaitable[None]) -> bool:
    await done
    return True


async def _await(operation: Awaitable[T], _otherwise: T) -> T:
    return await operation


async def _attempt(operation: Awaitable[T], otherwise: T) -> T:
    try:
        async with asyncio.timeout(PATIENCE):
            return await operation
    except Exception:
        logger.warning("the store of bound calls failed", exc_info=True)
        return otherwise


def _binding(entry: Entry, now: float) -> Binding | None:
    try:
        binding = Binding(*(entry[field.name] for field in fields(Binding)))
        check_binding(binding)
        return binding if 0 <= now - entry["bound_at"] <= LIFETIME else None
    except (KeyError, TypeError, UsageError):
        logger.warning("the binding of a call is damaged in the store", exc_info=True)
        return None
