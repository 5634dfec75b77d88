"""Live updates: a stream of server-sent events for each open board."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workflow_mcp.board import requests
from workflow_mcp.board.access import Viewer
from workflow_mcp.board.site import Site
from workflow_mcp.board.watching import Listener, news_since
from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.history import HistoryQuery
from workflow_mcp.work.values import Project

if TYPE_CHECKING:
    from workflow_mcp.storage.store import Store

PING_SECONDS = 15
# From time to time a browser connects anew, and is then asked for a cookie that is still good.
MAX_STREAM_SECONDS = 3600.0


async def follow(site: Site, viewer: Viewer, project: Project, after: int | None) -> AsyncIterator[ServerSentEvent]:
    """The stream of one board: where the history is at, what was missed since `after`, and then what happens.

    It ends when the viewer may not see the project any longer, after an hour, or when the data cannot be read: the
    browser asks again, and is told why then.
    """
    loop = asyncio.get_running_loop()
    listener, until, store = Listener(), loop.time() + MAX_STREAM_SECONDS, await site.store(viewer)
    watch = site.watches.of(await site.store(), project)
    try:
        async with watch.join(listener):
            settled = (await store.history(project, HistoryQuery(limit=1))).settled
            yield ServerSentEvent(json.dumps({"event": settled}), event="hello")
            missed = None if after is None else await news_since(store, project, after)
            if missed is not None:
                yield missed.sent()
            while await listener.next(until - loop.time()) and await _may_see(site, viewer, store, project):
                yield listener.take().sent()
    except WorkflowError:
        return


async def _may_see(site: Site, viewer: Viewer, store: Store, project: Project) -> bool:
    if viewer.principal is None:
        return True
    try:
        await store.history(project, HistoryQuery(limit=1))
    except WorkflowError:
        return False
    return site.may_look(viewer)


async def _events(request: Request) -> Response:
    viewer, site = await requests.viewer_of(request), requests.site_of(request)
    project = await site.project(viewer, request.path_params["project"])
    await (await site.store(viewer)).check(project)
    stream = follow(site, viewer, project, requests.last_event_of(request))
    return EventSourceResponse(stream, ping=PING_SECONDS)


def routes() -> list[Route]:
    """The route of the stream, below `/board/api`."""
    return [Route("/projects/{project}/events", _events, methods=["GET"])]
