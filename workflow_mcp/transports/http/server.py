"""Serving many clients over HTTP: host, origin and tokens, bounds, health and metrics, and a drain at the end."""

from __future__ import annotations

from asyncio import Protocol
from functools import partial
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY, create_server, socket
from typing import cast

import anyio
import uvicorn
from fastmcp import FastMCP
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from workflow_mcp.board.access import Access
from workflow_mcp.board.app import build_board
from workflow_mcp.board.site import Site
from workflow_mcp.errors import Code, UsageError
from workflow_mcp.server.addresses import is_loopback
from workflow_mcp.server.build import build_server
from workflow_mcp.server.compat import keep_streams_at_shutdown, skip_parameter_headers
from workflow_mcp.server.waiting import Stopping
from workflow_mcp.sessions.stores.protocol import SessionStore
from workflow_mcp.settings import Settings
from workflow_mcp.transports.board_app import BoardApp
from workflow_mcp.transports.http.bodies import Bodies
from workflow_mcp.transports.http.connections import Connection, Connections
from workflow_mcp.transports.http.descriptors import reserve_descriptors
from workflow_mcp.transports.http.drain import Drain
from workflow_mcp.transports.http.handshakes import SharedHandshakes
from workflow_mcp.transports.http.health import add_health
from workflow_mcp.transports.http.legacy_sessions import MAX_IDLE, LegacySessions
from workflow_mcp.transports.http.metrics import Metrics, add_metrics
from workflow_mcp.transports.http.request_ids import with_request_ids
from workflow_mcp.transports.http.verifiers import Tokens, tokens_of

DRAIN_TIMEOUT = 5
CLOSE_TIMEOUT = 1
# How many connections the kernel queues, and how many are accepted in one turn of the event loop.
LISTEN_BACKLOG = 2048
MAX_ACCEPTED_AT_ONCE = 32


class DrainingServer(uvicorn.Server):
    """A uvicorn server that bounds its connections and sessions, and drains before it stops.

    Attributes:
        url: the URL for clients.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        connections: Connections,
        sessions: LegacySessions | None,
        drain: Drain,
        listener: socket,
        url: str,
    ) -> None:
        super().__init__(config)
        self.url = url
        self._connections = connections
        self._sessions = sessions
        self._drain = drain
        self._listener = listener

    async def run_until_signal(self) -> None:
        """Serve until a signal comes."""
        keep_streams_at_shutdown()
        await self.serve(sockets=[self._listener])

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        # asyncio sets the kernel's queue to the number that it accepts at once.
        self._listener.listen(LISTEN_BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """See `uvicorn.Server`, which calls it ten times a second."""
        if self._sessions is not None:
            self._sessions.limit()
        if counter % 10 == 0:
            self._connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self._drain.begin()
        deadline = anyio.current_time() + DRAIN_TIMEOUT
        while not (self._drain.drained or self.force_exit or anyio.current_time() > deadline):  # noqa: ASYNC110 - signals set a flag
            await anyio.sleep(0.05)
        await super().shutdown(sockets)


def build_http_server(
    settings: Settings, *, session_store: SessionStore | None = None, call_store: SessionStore | None = None
) -> DrainingServer:
    """A server that listens on `settings.host` and `settings.port`.

    Raises:
        UsageError: `TOKENS_REQUIRED`, when other machines could reach it without a token; `ADDRESS_UNUSABLE`; or what
            `tokens_of` raises.
    """
    tokens = tokens_of(settings)
    if tokens is None and not is_loopback(settings.host):
        raise UsageError(
            Code.TOKENS_REQUIRED,
            f"{settings.host} can be reached from other machines, and no token is required.",
            "set WORKFLOW_MCP_TOKENS_FILE=/path/to/tokens (one name:token a line, mode 600), or the README's "
            "JWT settings, or --host 127.0.0.1.",
        )
    stopping = Stopping()
    drain = Drain(stopping)
    connections = Connections(maximum=reserve_descriptors(settings.max_connections))
    metrics = None if settings.metrics == "off" else Metrics(connections)
    site = _site(session_store, tokens)
    server = build_server(
        settings,
        session_store=session_store,
        call_store=call_store,
        stopping=stopping,
        observer=metrics,
        opened=site.open,
    )
    server.auth = auth = None if tokens is None else tokens.verifier
    server.add_transform(BoardApp())
    skip_parameter_headers(server)
    add_health(server, drain)
    if metrics is not None:
        add_metrics(server, metrics, auth=None if settings.metrics == "open" else auth)
    bodies = Bodies()
    app = _app(server, settings, bodies, drain)
    board = guarded(build_board(site, settings), bodies, drain)
    sessions = LegacySessions(app, settings.path)
    return serving(_with_board(app, board), settings, drain, connections=connections, sessions=sessions)


def serving(
    app: ASGIApp,
    settings: Settings,
    drain: Drain,
    *,
    connections: Connections,
    sessions: LegacySessions | None = None,
) -> DrainingServer:
    """A server for an app, which listens already.

    Raises:
        UsageError: `ADDRESS_UNUSABLE`.
    """
    listener = _listen(settings.host, settings.port)
    shown_host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return DrainingServer(
        _config(with_request_ids(app), settings, connections),
        connections=connections,
        sessions=sessions,
        drain=drain,
        listener=listener,
        url=f"http://{shown_host}:{listener.getsockname()[1]}{settings.path}",
    )


def _site(session_store: SessionStore | None, tokens: Tokens | None) -> Site:
    access = Access(session_store)
    return Site(access) if tokens is None else Site(access, tokens.principal, tokens.has)


def guarded(app: ASGIApp, bodies: Bodies, drain: Drain) -> ASGIApp:
    """An app with the bounds on requests and the drain that this server has."""
    return bodies.wrap(drain.wrap(app))


def _with_board(app: Starlette, board: ASGIApp) -> ASGIApp:
    """The board beside FastMCP's app: FastMCP would not authenticate it, and the board's rules are not those of MCP."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        is_board = scope["type"] == "http" and f"{scope['path']}/".startswith("/board/")
        await (board if is_board else app)(scope, receive, send)

    return chosen


def _app(server: FastMCP, settings: Settings, bodies: Bodies, drain: Drain) -> Starlette:
    local = is_loopback(settings.host)
    allowed_hosts = [*settings.allowed_hosts, *([settings.host] if local else [])]
    middleware = [Middleware(bodies.wrap), Middleware(drain.wrap)]
    if settings.database_url is not None:
        middleware.append(Middleware(SharedHandshakes(server, settings.path).wrap))
    return server.http_app(
        path=settings.path,
        middleware=middleware,
        host_origin_protection=True if local else "auto",
        allowed_hosts=allowed_hosts or None,
        allowed_origins=list(settings.allowed_origins) or None,
        session_idle_timeout=MAX_IDLE,
        stateless_http=settings.database_url is not None,
    )


def _config(app: ASGIApp, settings: Settings, connections: Connections) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        backlog=MAX_ACCEPTED_AT_ONCE,
        http=cast("type[Protocol]", partial(Connection, connections=connections)),
        lifespan="on",
        ws="none",
        log_config=None,
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_TIMEOUT,
    )


def _listen(host: str, port: int) -> socket:
    try:
        listener = create_server((host, port), family=AF_INET6 if ":" in host else AF_INET, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise UsageError(
            Code.ADDRESS_UNUSABLE,
            f"{host} port {port}: {error.strerror or error}.",
            "choose another with --port or --host.",
        ) from error
    # Connections inherit it; asyncio sets it only on sockets that it created itself.
    listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return listener
