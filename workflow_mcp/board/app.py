"""The board as an ASGI application: the page, its files, and the JSON interface below `/board/api`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Lifespan

from workflow_mcp.board import entrance, live, page, reading, writing
from workflow_mcp.board.errors import unexpected, workflow_error
from workflow_mcp.board.guard import Guard
from workflow_mcp.board.site import Site
from workflow_mcp.errors import WorkflowError
from workflow_mcp.settings import Settings


async def _to_page(_request: Request) -> Response:
    return RedirectResponse("/board/")


def build_board(site: Site, settings: Settings, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """The application at `/board`, which answers for the site that is opened with the services of a server.

    Args:
        site: what it shows.
        settings: name the address that the server listens on.
        lifespan: runs while the application is served by itself.
    """
    guard = Middleware(
        Guard,
        host=settings.host,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    api = [*entrance.routes(), *reading.routes(), *live.routes(), *writing.routes()]
    app = Starlette(
        routes=[
            Route("/board", _to_page),
            Mount("/board/api", routes=api),
            Mount("/board", routes=page.routes(), middleware=[Middleware(GZipMiddleware)]),
        ],
        middleware=[guard],
        exception_handlers={WorkflowError: workflow_error, Exception: unexpected},
        lifespan=lifespan,
    )
    app.state.site = site
    return app
