"""`GET /health`, whether the server lives, and `GET /ready`, whether it is to be sent calls; neither needs a token."""

from __future__ import annotations

from fastmcp import FastMCP
from fastmcp.server.context import Context
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workflow_mcp import __version__
from workflow_mcp.errors import WorkflowError
from workflow_mcp.server.services import services_of
from workflow_mcp.transports.http.drain import Drain

HEALTH_PATH = "/health"
READY_PATH = "/ready"


def add_health(server: FastMCP, drain: Drain) -> None:
    """Add both to a server; while it drains, both answer 503."""

    @server.custom_route(HEALTH_PATH, methods=["GET"])
    async def health(_request: Request) -> Response:
        return _draining() if drain.draining else JSONResponse({"status": "ok", "version": __version__})

    @server.custom_route(READY_PATH, methods=["GET"])
    async def ready(_request: Request) -> Response:
        return _draining() if drain.draining else await _readiness(server)


async def _readiness(server: FastMCP) -> Response:
    try:
        await services_of(Context(server)).check_data()
    except WorkflowError as error:
        # Not what is wrong, which may name the database: anybody can ask.
        return JSONResponse({"status": "unready", "code": error.code}, 503)
    return JSONResponse({"status": "ready", "version": __version__})


def _draining() -> Response:
    return JSONResponse({"status": "draining"}, 503)
