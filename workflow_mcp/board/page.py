"""The page as browsers get it: a text, a stylesheet, and one script that all its modules are joined to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from mimetypes import guess_type

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workflow_mcp.board.app_page import PAGE, STATIC, STYLES, joined

SCRIPT, ICON = "web.js", "icon.svg"
FOREVER = "private, max-age=31536000, immutable"


@cache
def files() -> Mapping[str, bytes]:
    """What the page loads, by file name. A file for each module would be a request for each before anything is seen."""
    loaded = {name: (STATIC / name).read_bytes() for name in (STYLES, ICON)}
    return {**loaded, SCRIPT: joined(STATIC, SCRIPT).encode()}


@cache
def page() -> bytes:
    """The page. It names each file with its version, so that browsers need not ask again for what they have."""
    text = (STATIC / PAGE).read_text(encoding="utf-8")
    for name in files():
        text = text.replace(f'"static/{name}"', f'"static/{name}?{_version(name)}"')
    return text.encode()


@cache
def _version(name: str) -> str:
    return hashlib.sha256(files()[name]).hexdigest()[:16]


async def _page(_request: Request) -> Response:
    return Response(page(), media_type="text/html")


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in files():
        raise HTTPException(404)
    is_this = request.url.query == _version(name)
    kept = {"cache-control": FOREVER} if is_this else None
    return Response(files()[name], media_type=guess_type(name)[0], headers=kept)


def routes() -> list[Route]:
    """The routes of the page and its files, below `/board`."""
    return [Route("/", _page), Route("/static/{name}", _file)]
