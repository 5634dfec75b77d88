"""The header `X-Request-Id`: taken from a request, or made for it, and sent back with the answer."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mcp.server.request_ids import REQUEST_ID, request_id_of

HEADER = "x-request-id"


def with_request_ids(app: ASGIApp) -> ASGIApp:
    """The app, each of whose requests has an id, in its log and in its answer."""

    async def identified(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).getlist(HEADER))
        # Never reset: the task is this request's own, and uvicorn logs after this what was raised here.
        REQUEST_ID.set(request_id)
        named = (HEADER.encode(), request_id.encode())

        async def naming(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), named]}
            await send(message)

        await app(scope, receive, naming)

    return identified
