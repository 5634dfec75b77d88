"""Each private part is still where `server/compat.py` reaches for it; if not, a sentence says what moved."""

from __future__ import annotations

import ast
import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from fastmcp import Client, Context, FastMCP
from httpx2 import ASGITransport, AsyncClient
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel import Server
from sse_starlette.sse import AppStatus

import workflow_mcp
from tests.support import BOUND
from workflow_mcp.server import compat

PACKAGE = Path(str(workflow_mcp.__file__)).parent


class Seen(ServerMiddleware[Any]):
    """Notes the methods of the requests that it sees."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        self.methods.append(str(ctx.method))
        return await call_next(ctx)


def test_the_sdk_s_server_is_within_fastmcp_s() -> None:
    """It can be run on streams of our own."""
    server = FastMCP("x")
    assert hasattr(server, "_mcp_server"), "FastMCP moved the SDK's server (FastMCP._mcp_server)"
    assert isinstance(compat.lowlevel_server(server), Server), "FastMCP's _mcp_server is no SDK Server any more"


async def test_a_server_s_state_is_opened_when_something_is_put_into_it() -> None:
    """FastMCP asks `_state_store` for its state; there is nothing in it at first, and then what was put there."""
    server = compat.LeanServer("x")

    @server.tool
    async def count(context: Context) -> str:
        before = await context.get_state("count")
        await context.set_state("count", (before or 0) + 1)
        if before:
            await context.delete_state("count")
        return str(before)

    assert isinstance(vars(FastMCP)["_state_store"], property), "FastMCP moved its session state (FastMCP._state_store)"
    async with Client(server, mode="legacy") as client:
        said = [(await client.call_tool("count")).data for _ in range(3)]
    assert said == ["None", "1", "None"], "FastMCP keeps its session state elsewhere than in _state_store"


def test_a_function_without_its_docstring_is_the_same_function() -> None:
    """It has the same signature, annotations and result, and nothing that FastMCP would parse."""

    def add(a: int, *, b: int = 2) -> int:
        """Add."""
        return a + b

    bare = compat.undocumented(add)
    assert (bare.__doc__, bare.__name__, bare(1), bare(1, b=5)) == (None, "add", 3, 6)
    assert signature(bare) == signature(add)
    assert get_type_hints(bare) == get_type_hints(add)


def test_a_method_without_its_docstring_is_the_same_method() -> None:
    """It is bound to the same object."""

    class Adder:
        def __init__(self) -> None:
            self.one = 1

        def add(self, a: int) -> int:
            """Add."""
            return a + self.one

    adder = Adder()
    bare = compat.undocumented(adder.add)
    assert (bare.__doc__, bare.__name__, bare(1)) == (None, "add", 2)
    assert signature(bare) == signature(adder.add)
    adder.one = 5
    assert bare(1) == 6


async def test_request_middleware_sees_requests() -> None:
    """Middleware of the SDK's server is called for each request."""
    server, seen = FastMCP("x"), Seen()
    compat.add_request_middleware(server, seen)
    async with Client(server) as client:
        await client.list_tools()
    assert "tools/list" in seen.methods, "the SDK no longer calls what is in Server.middleware"


def test_the_lookup_of_parameter_headers_can_be_replaced() -> None:
    """The SDK asks `get_tool_input_schema` which headers a tool takes."""
    server = FastMCP("x")
    assert "get_tool_input_schema" in vars(compat.lowlevel_server(server)), "the SDK moved get_tool_input_schema"
    compat.skip_parameter_headers(server)
    lookup = compat.lowlevel_server(server).get_tool_input_schema
    assert lookup is not None
    assert lookup("any") is None


async def test_a_running_lifespan_is_entered_once() -> None:
    """Entered twice at once, a server's lifespan runs once, and its result is what calls see."""
    runs: list[FastMCP] = []

    async def run(server: FastMCP) -> Any:
        runs.append(server)
        yield {"run": len(runs)}

    from fastmcp.server.lifespan import lifespan

    server: FastMCP = FastMCP("x", lifespan=lifespan(run))
    assert hasattr(server, "_lifespan_manager"), "FastMCP moved its lifespan (FastMCP._lifespan_manager)"
    async with compat.running_lifespan(server), compat.running_lifespan(server):
        assert len(runs) == 1, "FastMCP._lifespan_manager no longer enters a lifespan once"


async def test_a_mounted_server_is_told_from_one_that_runs_beside() -> None:
    """Only a server that is mounted is entered by a host, not one that starts after it in the same task."""
    found: dict[str, bool] = {}

    def server(name: str) -> FastMCP:
        async def run(_server: FastMCP) -> Any:
            found[name] = compat.is_entered_by_host()
            yield {}

        from fastmcp.server.lifespan import lifespan

        return FastMCP(name, lifespan=lifespan(run))

    host, mounted, beside = server("host"), server("mounted"), server("beside")
    host.mount(mounted, namespace="inner")
    async with compat.running_lifespan(host), compat.running_lifespan(beside):
        assert found == {"host": False, "mounted": True, "beside": False}, "FastMCP moved _lifespan_root_active"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_request_leads_to_its_connection(mode: Any) -> None:
    """With a state of its own and a stack of what happens when it closes."""
    server, closed = FastMCP("x"), asyncio.Event()

    @server.tool
    def note(context: Context) -> str:
        connection = compat.connection_of(context)
        connection.exit_stack.callback(closed.set)
        return str(connection.state.setdefault("count", "first"))

    async with Client(server, mode=mode) as client:
        assert (await client.call_tool("note")).data == "first", "the SDK moved a request's connection"
    async with asyncio.timeout(BOUND):
        await closed.wait()


def test_sse_starlette_can_be_kept_from_cutting_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its switch is where it was."""
    assert hasattr(AppStatus, "enable_automatic_graceful_drain"), "sse-starlette moved its switch for draining"
    monkeypatch.setattr(AppStatus, "enable_automatic_graceful_drain", True)
    compat.keep_streams_at_shutdown()
    assert AppStatus.enable_automatic_graceful_drain is False


async def test_fastmcp_logs_where_our_filters_are(caplog: pytest.LogCaptureFixture) -> None:
    """Arguments at DEBUG, and each failure as an error, only by loggers that `compat` names."""
    server = FastMCP("x")

    def fail() -> str:
        raise RuntimeError("unexpected")

    server.tool(fail)
    server.prompt(fail)
    with logged_by_fastmcp(caplog):
        async with Client(server) as client:
            await client.call_tool("fail", raise_on_error=False)
            with pytest.raises(Exception, match="fail"):
                await client.get_prompt("fail")
    arguments = {record.name for record in caplog.records if record.args and "Handler called" in str(record.msg)}
    assert arguments == {compat.ARGUMENTS_LOGGER}, f"FastMCP logs arguments as {arguments}"
    failures = [record.name for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]
    assert len(failures) >= 2, f"FastMCP logs the failures of tools and prompts only as {failures}"
    assert set(failures) <= set(compat.ERROR_LOGGERS), f"FastMCP logs failures as {failures}"


@contextmanager
def logged_by_fastmcp(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All that FastMCP logs, at every level."""
    logger = logging.getLogger("fastmcp")
    before = logger.level
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(before)


async def test_legacy_sessions_are_where_the_sdk_keeps_them() -> None:
    """The sessions that handshake-era clients opened are found by id, and each can be ended by its idle scope."""
    app = FastMCP("x").http_app(path="/mcp")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        answer = await client.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
            headers={"accept": "application/json, text/event-stream"},
        )
        sessions = compat.legacy_sessions(app, "/mcp")
        assert list(sessions) == [answer.headers["mcp-session-id"]], "the SDK keeps its sessions elsewhere now"
        (session,) = sessions.values()
        assert session.idle_scope is not None, "the SDK ends idle sessions in another way now"


def test_nothing_else_reaches_for_private_parts() -> None:
    """No other module imports an underscore name of another package or silences the lint rule against private parts."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "compat.py":
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and not str(node.module).startswith(("workflow_mcp", "__future__")):
                assert not any(alias.name.startswith("_") for alias in node.names), f"{path.name}:{node.lineno}"
        for line in text.splitlines():
            assert "SLF001" not in line, f"{path.name}: {line.strip()}"
