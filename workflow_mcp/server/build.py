"""`build_server`: lifespan, boundary and tools put together; and the lifespan for hosts of their own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_server
from fastmcp.server.lifespan import lifespan as lifespan_of
from fastmcp.server.mixins.lifespan import _lifespan_root_active

from workflow_mcp import __version__
from workflow_mcp.app import Services, open_services
from workflow_mcp.server.boundary import SHORT_SESSIONS, Boundary, OnlyFileRoots
from workflow_mcp.server.calls import SERVICES
from workflow_mcp.server.parameters import ParameterLimits
from workflow_mcp.server.tools import projects, session, work_items
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.settings import Settings, load_settings

INSTRUCTIONS = """\
workflow-mcp keeps each project's work apart. It knows which directory and project a call is for; every answer says so.
- get_working_directory shows the directory, the project and how they are known.
- If it shows the wrong directory, or a call fails with NO_DIRECTORY or NO_SESSION, call
  set_working_directory with the absolute path you work in.
- If set_working_directory returns a `session`, pass it as `session` in every later call.
- A subagent that works elsewhere calls set_working_directory(new_session=true) and passes its own `session`.
- No project yet? init_project makes the directory one.
- Work items: create_work_items (a whole plan in one call), claim_work_item (takes the next ready one, safely among many
  agents), update_work_items (status=completed finishes), list_work_items, get_work_item.
Errors are one line; the part after "Next:" says what fixes them.
"""


def build_server(settings: Settings | None = None, *, session_store: SessionStore | None = None) -> FastMCP:
    """A server that is ready to run or to be mounted into another one.

    Args:
        settings: default: from the environment.
        session_store: a py-key-value store in which sessions survive the process; default: memory only.

    Raises:
        UsageError: `SETTING_INVALID`.
    """
    chosen = load_settings() if settings is None else settings
    logging.getLogger("fastmcp.server.mixins.mcp_operations").addFilter(SHORT_SESSIONS)

    @asynccontextmanager
    async def lifespan(_server: FastMCP) -> AsyncIterator[dict[str, Any]]:
        async with open_services(chosen, session_store) as services:
            with _lent_to_host(services):
                yield {SERVICES: services}

    server: FastMCP = FastMCP(
        "workflow-mcp",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        middleware=[Boundary(own=True)],
        mask_error_details=True,
        on_duplicate="error",
    )
    # FastMCP has no middleware of its own that sees a request before the SDK has validated it.
    server._mcp_server.middleware.extend([ParameterLimits(), OnlyFileRoots()])  # noqa: SLF001
    for group in (session, projects, work_items):
        group.register(server)
    return server


@contextmanager
def _lent_to_host(services: Services) -> Iterator[None]:
    # A host with `workflow_lifespan` into which we are mounted: what our tools set, its own must go by.
    lent = (get_server()._lifespan_result or {}) if _lifespan_root_active.get() else {}  # noqa: SLF001
    own = lent.get(SERVICES)
    if own is not None:
        lent[SERVICES] = replace(services, stats=own.stats)
    try:
        yield
    finally:
        if own is not None:
            lent[SERVICES] = own


@lifespan_of
async def workflow_lifespan(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """The lifespan for a host that wants `CurrentWorkspace()` in its own tools, and nothing else of ours.

    Composes with the host's own: `FastMCP("mine", lifespan=my_lifespan | workflow_lifespan)`.

    Raises:
        UsageError: `SETTING_INVALID`.
    """
    boundary = Boundary(own=False)
    async with open_services(load_settings(), None) as services:
        server.add_middleware(boundary)
        try:
            yield {SERVICES: services}
        finally:
            server.middleware.remove(boundary)
