"""The way in: programs get a key, and the page trades it for a cookie."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflow_mcp.board.access import KEY_SECONDS, SESSION_SECONDS, Viewer, viewer_name
from workflow_mcp.board.requests import cookie_name, fields_of, site_of
from workflow_mcp.board.site import Site
from workflow_mcp.errors import Code, SessionError, UsageError
from workflow_mcp.sessions.principals import Principal
from workflow_mcp.work.validation import MAX_NAME_LENGTH
from workflow_mcp.workspace.directories import MAX_PATH_BYTES

MAX_KEY_LENGTH = 200
BROWSER_HEADERS = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
PATH = "/board"


class KeyFields(BaseModel):
    """What a page trades."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=MAX_KEY_LENGTH)


class ViewerFields(BaseModel):
    """For whom a program wants a key; with tokens their name is the token's."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=MAX_NAME_LENGTH)
    project: str | None = Field(default=None, max_length=MAX_NAME_LENGTH)
    project_name: str | None = Field(default=None, max_length=255)
    directory: str | None = Field(default=None, max_length=MAX_PATH_BYTES)
    data_dir: str | None = Field(default=None, max_length=MAX_PATH_BYTES)
    only: bool = False


async def open_session(request: Request) -> Response:
    """Trade a key for a cookie; the answer says whose it is, as `me` does.

    Raises:
        SessionError: `KEY_INVALID`; the same for one that is unknown, expired or was used.
    """
    given = await fields_of(request, KeyFields)
    traded = await site_of(request).access.trade(given.key)
    if traded is None:
        raise SessionError(
            Code.KEY_INVALID,
            f"this key was used, or is older than {KEY_SECONDS:.0f} seconds.",
            "run `workflow-mcp board` for another.",
        )
    cookie, viewer = traded
    response = JSONResponse(viewer.introduced())
    response.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(SESSION_SECONDS),
        path=PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def make_key(request: Request) -> Response:
    """A key for a program that opens the board; browsers get none.

    Raises:
        SessionError: `KEY_REQUIRED`, without a token that the server knows.
        UsageError: `ORIGIN_NOT_ALLOWED`, for a browser.
    """
    site = site_of(request)
    if not site.makes_keys or any(name in request.headers for name in BROWSER_HEADERS):
        raise UsageError(Code.ORIGIN_NOT_ALLOWED, "no page gets a key.", "run `workflow-mcp board` for one.")
    principal = await _principal(site, request.headers.get("authorization", ""))
    given = await fields_of(request, ViewerFields)
    if given.data_dir not in {None, str(site.services.settings.data_dir)}:
        raise UsageError(Code.ARGUMENT_INVALID, "this server keeps its data elsewhere.", "ask the one that is meant.")
    if given.directory is not None:
        await site.services.resolver.locate(given.directory, "header")
    called = principal.name if principal is not None else given.name or ""
    viewer = Viewer(
        viewer_name(called),
        None if principal is None else principal.name,
        None if principal is None else principal.until,
        given.project,
        given.project_name,
        given.directory,
        only=given.only,
    )
    if given.project is not None:
        await site.project(viewer, given.project)
    return JSONResponse({"key": await site.access.make_key(viewer), "seconds": KEY_SECONDS})


async def _principal(site: Site, authorization: str) -> Principal | None:
    if site.principal_of is None:
        return None
    scheme, _, token = authorization.partition(" ")
    principal = await site.principal_of(token.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise SessionError(
            Code.KEY_REQUIRED, "this server asks for a token.", "set WORKFLOW_MCP_TOKEN to yours, and repeat."
        )
    return principal


def routes() -> list[Route]:
    """The routes of the entrance, below `/board/api`."""
    return [Route("/session", open_session, methods=["POST"]), Route("/key", make_key, methods=["POST"])]
