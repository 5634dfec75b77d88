"""What every request to the board has to pass, and what every answer says: the defence against other web pages."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mcp.board.errors import refusal
from workflow_mcp.errors import Code, UsageError, shown
from workflow_mcp.server.addresses import is_loopback

READING = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
API = "/board/api/"
# Programs get a key there; they are no page, and what comes from a page is refused there.
FOR_PROGRAMS = f"{API}key"


class Guard:
    """ASGI middleware that lets only the board's own page, and programs that are no browsers, use the interface.

    - The host that a request names is one of the server's own: a name that an attacker controls and lets lead to this
      machine (DNS rebinding) is not.
    - A request that a page made comes from the same origin, scheme, name and port: another port of this machine is
      another origin. What changes something says so, as every browser does: without an origin it is refused.
    - What changes something is JSON, which a page of another origin cannot send without being asked by the browser.

    Args:
        app: what is guarded.
        host: the address that the server listens on.
        allowed_hosts: further names of it.
        allowed_origins: origins under which a proxy shows it.
    """

    def __init__(
        self, app: ASGIApp, *, host: str, allowed_hosts: Sequence[str] = (), allowed_origins: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._host = host
        self._allowed_hosts = {name.lower() for name in allowed_hosts}
        self._allowed_origins = {origin.rstrip("/").lower() for origin in allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._refused(scope, Headers(scope=scope)) or self._app
        await app(scope, receive, _with_headers(scope, send))

    def _refused(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        if not self._is_own_host(headers.get("host", "")):
            return refusal(421, _host_error(headers.get("host", "")))
        if scope["path"].startswith(API) and not self._is_own_page(scope, headers):
            return refusal(403, _origin_error(headers))
        if scope["method"] == "POST" and headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return refusal(415, _type_error(headers.get("content-type", "")))
        return None

    def _is_own_host(self, given: str) -> bool:
        name = _host_name(given)
        if name in self._allowed_hosts or name == self._host.lower():
            return True
        # No DNS entry leads a page to an address, so one that is an address is no page's rebound name.
        return is_loopback(name) or (_is_address(name) and not is_loopback(self._host))

    def _is_own_page(self, scope: Scope, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "none") not in OWN_SITES:
            return False
        origin = headers.get("origin")
        if origin is None:
            return scope["method"] in READING or scope["path"] == FOR_PROGRAMS
        return origin.lower() in {f"{scope['scheme']}://{headers.get('host', '')}".lower(), *self._allowed_origins}


def _host_name(given: str) -> str:
    try:
        return urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(scope: Scope, send: Send) -> Send:
    # The page's files change with the program, so a browser asks again whether it has them as they are.
    kept = "no-store" if scope["path"].startswith(API) else "no-cache"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", kept)
        await send(message)

    return sending


def _host_error(host: str) -> UsageError:
    return UsageError(
        Code.HOST_NOT_ALLOWED,
        f"this server is not called {shown(host)}.",
        "use the address that it printed, or name the host in WORKFLOW_MCP_ALLOWED_HOSTS.",
    )


def _origin_error(headers: Headers) -> UsageError:
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin") or (None if site in OWN_SITES else site)
    what = "does not say which page it comes from" if origin is None else f"comes from another page, {shown(origin)}"
    return UsageError(
        Code.ORIGIN_NOT_ALLOWED,
        f"the request {what}.",
        "open the board itself; behind a proxy, name its origin in WORKFLOW_MCP_ALLOWED_ORIGINS.",
    )


def _type_error(content_type: str) -> UsageError:
    return UsageError(
        Code.ARGUMENT_INVALID, f"the content type is {shown(content_type)}.", "send JSON, as application/json."
    )
