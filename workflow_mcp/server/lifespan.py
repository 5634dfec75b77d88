"""The services of a server while it runs; a host and what is mounted into it go by the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.lifespan import lifespan

from workflow_mcp.app import Services, open_services
from workflow_mcp.server.boundary import Boundary
from workflow_mcp.server.compat import is_entered_by_host
from workflow_mcp.server.logs import filter_fastmcp_logs
from workflow_mcp.server.services import SERVICES, ServicesSlot
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.settings import Settings, load_settings

_host: ContextVar[ServicesSlot | None] = ContextVar("workflow_mcp_host", default=None)


@lifespan
async def workflow_lifespan(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """The lifespan for a host that wants `CurrentWorkspace()` in its own tools, and nothing else of ours.

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
    settings: Settings, store: SessionStore | None, call_store: SessionStore | None
) -> Callable[[FastMCP], AbstractAsyncContextManager[dict[str, Any]]]:
    """The lifespan of a server of ours, alone or mounted into a host."""

    @asynccontextmanager
    async def running(_server: FastMCP) -> AsyncIterator[dict[str, Any]]:
        async with open_services(settings, store, call_store=call_store) as services:
            with _lent_to_host(services):
                yield {SERVICES: ServicesSlot(services)}

    return running


@contextmanager
def _lent_to_host(services: Services) -> Iterator[None]:
    # What our tools set, the tools of a host with `workflow_lifespan` must go by.
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
