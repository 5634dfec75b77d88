"""Lifespans that open the services of a server; a host and our server mounted into it share them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.lifespan import lifespan

from workflow_mcp.app import Observer, Services, open_services
from workflow_mcp.server.boundary import Boundary
from workflow_mcp.server.compat import is_entered_by_host
from workflow_mcp.server.logs import filter_fastmcp_logs
from workflow_mcp.server.services import SERVICES, ServicesSlot
from workflow_mcp.server.waiting import Stopping
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.settings import Settings, load_settings

_host: ContextVar[ServicesSlot | None] = ContextVar("workflow_mcp_host", default=None)


@lifespan
async def workflow_lifespan(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """The lifespan for a host that uses `CurrentWorkspace()` in its own tools.

    Composes with the host's own: `FastMCP("mine", lifespan=my_lifespan | workflow_lifespan)`.

    Raises:
        UsageError: `SETTING_INVALID`.
    """
    filter_fastmcp_logs()
    boundary = Boundary(for_host=True)
    async with open_services(load_settings(), None) as services:
        slot = ServicesSlot(services)
        token = _host.set(slot)
        server.add_middleware(boundary)
        try:
            yield {SERVICES: slot}
        finally:
            server.middleware.remove(boundary)
            _host.reset(token)


def server_lifespan(
    settings: Settings,
    store: SessionStore | None,
    call_store: SessionStore | None,
    stopping: Stopping | None,
    *,
    observer: Observer | None,
    opened: Callable[[Services], None],
) -> Callable[[FastMCP], AbstractAsyncContextManager[dict[str, Any]]]:
    """The lifespan of our server, alone or mounted into a host."""

    @asynccontextmanager
    async def running(_server: FastMCP) -> AsyncIterator[dict[str, Any]]:
        async with open_services(settings, store, call_store=call_store, observer=observer) as services:
            if stopping is not None:
                stopping.then(services.projects.end_waits)
            if observer is not None:
                observer.opened(services)
            opened(services)
            with _shared_with_host(services):
                yield {SERVICES: ServicesSlot(services)}

    return running


@contextmanager
def _shared_with_host(services: Services) -> Iterator[None]:
    # The tools of a host with `workflow_lifespan` must see what our tools set.
    host = _host.get() if is_entered_by_host() else None
    if host is None:
        yield
        return
    before = host.services
    host.services = replace(services, stats=before.stats)
    try:
        yield
    finally:
        host.services = before
