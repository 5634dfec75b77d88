"""Handshake-era clients of a server that runs in several copies: any copy answers any of their requests.

FastMCP then keeps no sessions (`stateless_http`); the session id of Streamable HTTP (2025-11-25, Session Management) is
minted, checked and ended here.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.apps.config import UI_EXTENSION_ID
from fastmcp.server.context import Context
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mcp.errors import WorkflowError
from workflow_mcp.server.calls import HANDSHAKE
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.handshakes import Handshakes
from workflow_mcp.transports.http.drain import SESSION_HEADER

logger = logging.getLogger(__name__)

VERSION_HEADER: Final = "mcp-protocol-version"
NOT_FOUND: Final = (404, INVALID_REQUEST, "Session not found")
NO_ID: Final = (400, INVALID_REQUEST, "Bad Request: Missing session ID")


class SharedHandshakes:
    """ASGI middleware that gives a handshake-era client an id when it initializes, and checks it from then on.

    It stands behind the check of tokens. An unknown id and one of another principal get the same 404, after which a
    client initializes again.

    Args:
        server: the server, whose services have the connections of these clients.
        path: the path of the endpoint, which refuses requests without a token where one is required.
    """

    def __init__(self, server: FastMCP, path: str) -> None:
        self._server = server
        self._path = path

    @property
    def _handshakes(self) -> Handshakes:
        shared = services_of(Context(self._server)).shared
        if shared is None:
            raise ValueError("this server shares nothing with others")
        return Handshakes(shared)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app with this middleware."""

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            if self._concerns(scope):
                await self._serve(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return checked

    def _concerns(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] not in ("POST", "DELETE"):
            return False
        if self._server.auth is not None and _principal(scope) is None:
            return False
        return Headers(scope=scope).get(VERSION_HEADER, HANDSHAKE_PROTOCOL_VERSIONS[0]) in HANDSHAKE_PROTOCOL_VERSIONS

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        body = await receive()
        try:
            answer = await self._answer(app, scope, body)
        except WorkflowError as error:
            logger.warning("the session of a handshake-era client cannot be looked up: %s", error)
            answer = _refusal(503, INTERNAL_ERROR, str(error), _request(body).get("id"))
        await answer(scope, _replaying(body, receive), send)

    async def _answer(self, app: ASGIApp, scope: Scope, body: Message) -> ASGIApp:
        principal, connection_id = _principal(scope), Headers(scope=scope).get(SESSION_HEADER)
        if connection_id is None:
            return await self._opened(app, principal, _request(body))
        if scope["method"] == "DELETE":
            return Response() if await self._handshakes.end(principal, connection_id) else _refusal(*NOT_FOUND)
        handshake = await self._handshakes.find(principal, connection_id)
        if handshake is None:
            return _refusal(*NOT_FOUND)
        if (cancelled := _cancelled(body)) is not None:
            await self._handshakes.cancel(handshake.key, cancelled)

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, HANDSHAKE: handshake}, receive, send)

        return known

    async def _opened(self, app: ASGIApp, principal: str | None, request: dict[str, Any]) -> ASGIApp:
        if request.get("method") != "initialize":
            return _refusal(*NO_ID, request.get("id"))
        has_roots, shows_apps = "roots" in (declared := _declared(request)), UI_EXTENSION_ID in declared
        return _naming(app, await self._handshakes.open(principal, has_roots=has_roots, shows_apps=shows_apps))


def _naming(app: ASGIApp, connection_id: str) -> ASGIApp:
    """The app, whose successful response carries the session id."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                MutableHeaders(scope=message)[SESSION_HEADER] = connection_id
            await send(message)

        await app(scope, receive, send_named)

    return named


def _principal(scope: Scope) -> str | None:
    user = scope.get("user")
    return user.access_token.client_id if isinstance(user, AuthenticatedUser) else None


def _request(body: Message) -> dict[str, Any]:
    try:
        request = json.loads(body.get("body", b""))
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def _cancelled(body: Message) -> str | None:
    """The id of the request that a client cancels with this one (2025-11-25, Cancellation); None with any other."""
    if b"notifications/cancelled" not in body.get("body", b""):
        return None
    notice = _request(body)
    is_cancellation = notice.get("method") == "notifications/cancelled"
    return str(_object(notice, "params").get("requestId")) if is_cancellation else None


def _declared(request: dict[str, Any]) -> set[str]:
    """The names of the capabilities and extensions that a client declares."""
    capabilities = _object(_object(request, "params"), "capabilities")
    return {*capabilities, *_object(capabilities, "extensions")}


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _refusal(status: int, code: int, message: str, request_id: object = None) -> Response:
    known = request_id if isinstance(request_id, str | int) else None
    return JSONResponse({"jsonrpc": "2.0", "id": known, "error": {"code": code, "message": message}}, status)


def _replaying(body: Message, receive: Receive) -> Receive:
    messages = [body]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
