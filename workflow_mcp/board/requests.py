"""From a request to whoever made it, the fields in its body, and the parameters of its URL."""

from __future__ import annotations

import json
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from workflow_mcp.board.access import Viewer
from workflow_mcp.board.site import Site
from workflow_mcp.errors import Code, SessionError, UsageError, shown
from workflow_mcp.server.limits import check_arguments
from workflow_mcp.work.board import BoardQuery
from workflow_mcp.workspace.work_items import WorkItems

MAX_DIGITS = 18  # what fits into 64 bits
MAX_BODY_BYTES = 256 * 2**10
VIEWER = "workflow_mcp.viewer"  # in a request's ASGI scope, where browsers put nothing
T = TypeVar("T", bound=BaseModel)


def site_of(request: Request) -> Site:
    """The board that a request is for."""
    return cast("Site", request.app.state.site)


def cookie_name(request: Request) -> str:
    """The name of the cookie: cookies are shared by all ports of a machine, boards are not."""
    return f"workflow_board_{request.url.port or request.url.scheme}"


async def viewer_of(request: Request) -> Viewer:
    """Who made a request.

    Raises:
        SessionError: `KEY_REQUIRED`.
    """
    known = request.scope.get(VIEWER)
    if isinstance(known, Viewer):
        return known
    viewer = await site_of(request).viewer(request.cookies.get(cookie_name(request)))
    if viewer is None:
        raise SessionError(
            Code.KEY_REQUIRED, "nobody has opened the board in this browser.", "run `workflow-mcp board` to open it."
        )
    return viewer


async def work_of(request: Request, *, changing: bool = False) -> WorkItems:
    """The work of the project in a request's path.

    Raises:
        WorkflowError: `KEY_REQUIRED`, or what `Site.work` raises.
    """
    viewer = await viewer_of(request)
    return await site_of(request).work(viewer, request.path_params["project"], changing=changing)


async def fields_of(request: Request, fields: type[T]) -> T:
    """The fields in a request's body.

    Raises:
        UsageError: `BODY_TOO_LARGE`; `ARGUMENT_INVALID`, also for a field that there is not.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise UsageError(
                Code.BODY_TOO_LARGE, f"a change has at most {MAX_BODY_BYTES} bytes.", "make the texts shorter."
            )
    try:
        value = json.loads(body)
        check_arguments(value)
        return fields.model_validate(value)
    except ValidationError as error:
        raise _invalid(_first_problem(error)) from error
    except (ValueError, RecursionError) as error:
        raise _invalid("the body is no JSON.") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    return f"{where}: {first['msg']}."


def _invalid(what: str) -> UsageError:
    return UsageError(Code.ARGUMENT_INVALID, what, "correct it and send it again; nothing of it was stored.")


def item_of(request: Request) -> int:
    """The id of the item in a request's path."""
    return int(request.path_params["item"])


def query_of(request: Request) -> BoardQuery:
    """Which items a request asks for.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    limit = number_of(request, "limit")
    default = BoardQuery()
    return BoardQuery(
        text=request.query_params.get("text") or None,
        epic=number_of(request, "epic"),
        limit=default.limit if limit is None else limit,
    )


def number_of(request: Request, name: str) -> int | None:
    """A whole number among a request's parameters; None without it.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    text = request.query_params.get(name)
    return _number(name, text) if text else None


def last_event_of(request: Request) -> int | None:
    """The last event that a browser has had, which it names when it connects again; None for the first time.

    Raises:
        UsageError: `ARGUMENT_INVALID`.
    """
    text = request.headers.get("last-event-id", "")
    return _number("Last-Event-ID", text) if text else None


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise _invalid(f"{name} is {shown(text)}, not a whole number.")
    return int(text)
