"""The board's JSON interface for those whom a server knows already: in its process, without HTTP, keys or cookies."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from workflow_mcp.app import Services
from workflow_mcp.board import reading, writing
from workflow_mcp.board.access import Viewer
from workflow_mcp.board.errors import refusal, workflow_error
from workflow_mcp.board.requests import VIEWER
from workflow_mcp.board.site import Site
from workflow_mcp.errors import Code, UsageError, WorkflowError, shown

MAX_PATH_LENGTH = 8_000
PARAMETERS = "=&+%"  # what has a meaning among them


class InProcessBoard:
    """The board of one running server. It opens nothing that has to be closed.

    Attributes:
        services: what the server holds.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self._app = Starlette(
            routes=[*reading.routes(), *writing.routes()],
            exception_handlers={WorkflowError: workflow_error, HTTPException: _nowhere},
        )
        self._app.router.redirect_slashes = False
        self._app.state.site = site = Site()
        site.open(services)

    async def ask(self, viewer: Viewer, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the interface answers.

        Args:
            viewer: who asks.
            path: the place below `/board/api`, with its parameters; nothing in it leads anywhere else.
            body: the fields of a change; None reads.

        Returns:
            The `status` of the answer, and the `answer` itself. Refusals are answers, too, as the page gets them.

        Raises:
            UsageError: `ARGUMENT_INVALID`, for a path that is too long.
        """
        if len(path) > MAX_PATH_LENGTH:
            raise UsageError(
                Code.ARGUMENT_INVALID,
                f"the path has {len(path)} characters; at most {MAX_PATH_LENGTH} are allowed.",
                "search for fewer words.",
            )
        fields = b"" if body is None else json.dumps(body).encode()
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": fields, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(_scope("GET" if body is None else "POST", path, viewer), receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        return {"status": sent[0]["status"], "answer": json.loads(answer)}


def _scope(method: str, path: str, viewer: Viewer) -> Scope:
    place, _, parameters = path.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": f"/{unquote(place).lstrip('/')}",
        "query_string": quote(parameters, safe=PARAMETERS).encode(),
        "headers": [],
        VIEWER: viewer,
    }


async def _nowhere(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    what = f"the board has no {request.method} {shown(request.scope['path'])}."
    return refusal(
        status, UsageError(Code.ARGUMENT_INVALID, what, "show the board again: its page is not of this version.")
    )
