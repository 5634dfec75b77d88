"""The board on a socket: beside the MCP endpoint, by itself, and opened by the command."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.board.pages import ANN
from tests.clients.agents import make_project
from tests.clients.http import Connection, HttpClient
from tests.clients.processes import SERVER
from tests.clients.served import running, served_here
from tests.clients.shell import Shell
from tests.clients.stdio import PATIENCE, Wire, environment
from tests.support import PROJECT_ID, DictStore, make_settings, write_config
from workflow_mcp.cli import board as command
from workflow_mcp.errors import UsageError
from workflow_mcp.transports.http.board import build_board_server
from workflow_mcp.transports.http.server import DrainingServer

JSON = ("Content-Type", "application/json")


async def ask(server: DrainingServer, path: str, cookie: str = "", fields: Any = None) -> Any:
    """What the board of a server answers."""
    method, body = ("GET", b"") if fields is None else ("POST", json.dumps(fields).encode())
    async with Connection(server.url) as connection:
        headers = [JSON, ("Cookie", cookie)] if cookie else [JSON]
        headers += [] if path == "api/key" else [("Origin", f"http://{urlsplit(server.url).netloc}")]
        return await connection.request(method, headers, body, path=f"/board/{path}")


async def open_board(server: DrainingServer, key: str) -> str:
    """The cookie for a key."""
    answer = await ask(server, "api/session", fields={"key": key})
    assert answer.status == 200, answer.body
    return str(answer.headers["set-cookie"]).partition(";")[0]


async def test_the_board_stands_beside_the_endpoint(tmp_path: Path) -> None:
    """One server answers both; a cookie is good after a restart too, which a browser does not notice otherwise."""
    store = DictStore()
    async with served_here(tmp_path, session_store=store) as server:
        async with HttpClient(server.url) as client:
            assert (await client.call("health_check")).data["status"] in {"ok", "degraded"}
        key = (await ask(server, "api/key", fields={"name": "Ann"})).json["key"]
        cookie = await open_board(server, key)
        assert (await ask(server, "api/me", cookie)).json == {"actor": "Ann (board)", "project": None}
        page = await ask(server, "")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await ask(server, "static/web.js")).status == 200
        assert (await ask(server, "static/../app.py")).status == 404
        async with Connection(server.url) as connection:
            assert (await connection.request("GET", path="/board")).headers["location"].endswith("/board/")
            assert (await connection.request("GET", path="/boards")).status == 404
        port = cookie.partition("=")[0].rpartition("_")[2]
    async with served_here(tmp_path, session_store=store) as server:
        again = cookie.replace(port, server.url.split(":")[2].partition("/")[0])
        assert (await ask(server, "api/me", again)).status == 200


async def test_streams_end_when_the_server_does(tmp_path: Path) -> None:
    """A server that is told to stop does not wait for open boards; they get the end of their stream."""
    folder = tmp_path / "shop"
    folder.mkdir()
    write_config(folder)
    async with Connection("http://127.0.0.1:1/") as connection:
        async with served_here(tmp_path) as server:
            key = (await ask(server, "api/key", fields={"name": "Ann"})).json["key"]
            cookie = await open_board(server, key)
            async with HttpClient(server.url, headers=(("X-Workflow-Directory", str(folder)),)) as client:
                await client.call("create_work_items", items=[{"title": "One"}])
            connection.port = int(server.url.split(":")[2].partition("/")[0])
            path = f"/board/api/projects/{PROJECT_ID}/events"
            status, headers = await connection.start("GET", [("Cookie", cookie)], path=path)
            assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            chunks = connection.chunks(headers)
            assert b"event: hello" in await anext(chunks)
        assert [chunk async for chunk in chunks] == []


async def test_it_asks_for_a_cookie_where_there_are_tokens(tmp_path: Path) -> None:
    """A bearer token opens the endpoint, and gets a key for the board; it is no way around the cookie."""
    tokens = tmp_path / "tokens"
    tokens.write_text("ann:token-of-ann-0123456789\n")
    tokens.chmod(0o600)
    async with served_here(tmp_path, tokens_file=tokens) as server:
        bearer = ("Authorization", "Bearer token-of-ann-0123456789")
        async with Connection(server.url) as connection:
            assert (await connection.request("GET", [bearer], path="/board/api/me")).status == 401
            refused = await connection.request("POST", [JSON], b"{}", path="/board/api/key")
            assert (refused.status, refused.json["error"]["code"]) == (401, "KEY_REQUIRED")
            key = (await connection.request("POST", [JSON, bearer], b"{}", path="/board/api/key")).json["key"]
        cookie = await open_board(server, key)
        assert (await ask(server, "api/me", cookie)).json["actor"] == "ann (board)"
        assert (await ask(server, "api/projects", cookie)).json == {"projects": []}
        assert (await ask(server, f"api/projects/{PROJECT_ID}/board", cookie)).status == 404
        tokens.write_text("bob:token-of-bob-0123456789\n")
        assert (await ask(server, "api/me", cookie)).status == 401


async def test_a_board_is_served_by_itself(tmp_path: Path) -> None:
    """On a free port of this machine, with a key for whoever started it, and none for others."""
    shown: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def show(url: str, key: str) -> None:
        loop.call_soon_threadsafe(shown.put_nowait, (url, key))

    server = build_board_server(make_settings(tmp_path, host="0.0.0.0"), ANN, show)
    async with running(server, server.run_until_signal()):
        url, key = await shown.get()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        cookie = await open_board(server, key)
        assert (await ask(server, f"api/projects/{PROJECT_ID}/board", cookie)).json["event"] == 0
        assert (await ask(server, "api/key", fields={"name": "Eve"})).json["error"]["code"] == "ORIGIN_NOT_ALLOWED"


async def test_the_command_asks_a_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It opens the browser there with a key, or prints the address; the key is for the user and the project."""
    folder = tmp_path / "shop"
    folder.mkdir()
    write_config(folder)
    shell = Shell(tmp_path, folder, monkeypatch, capsys)
    opened: list[str] = []

    def open_browser(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", open_browser)
    async with served_here(tmp_path) as server:
        monkeypatch.setenv("WORKFLOW_MCP_PORT", server.url.split(":")[2].partition("/")[0])
        assert await asyncio.to_thread(shell.run, "board") == 0
        assert shell.printed().startswith("opened http://127.0.0.1:")
        cookie = await open_board(server, opened[0].partition("#key=")[2])
        assert (await ask(server, "api/me", cookie)).json == {"actor": "Ana López (board)", "project": PROJECT_ID}
        assert await asyncio.to_thread(shell.run, "board", "--no-open", "--only", "--url", server.url) == 0
        cookie = await open_board(server, shell.printed().strip().partition("#key=")[2])
        assert len((await ask(server, "api/projects", cookie)).json["projects"]) == 1
        monkeypatch.setenv("WORKFLOW_MCP_DATA_DIR", str(tmp_path / "elsewhere"))
        served: list[str] = []
        monkeypatch.setattr(command, "_serve", lambda _settings, viewer, **_: served.append(viewer.project))
        assert await asyncio.to_thread(shell.run, "board") == 0
        assert served == [PROJECT_ID]
        health = f"{server.url.rpartition('/')[0]}/health?"
        monkeypatch.setattr(command, "_base", lambda url: health if url == "health" else f"{url}/board/")
        assert await asyncio.to_thread(shell.refused, "board", "--url", "health") == "2 SERVER_UNREACHABLE"
        assert await asyncio.to_thread(shell.refused, "board", "--url", "ftp://x") == "2 SERVER_UNREACHABLE"
    with pytest.raises(UsageError, match="SERVER_UNREACHABLE"):
        await asyncio.to_thread(shell.run, "board", "--url", server.url)
    monkeypatch.chdir(tmp_path)
    assert (await asyncio.to_thread(shell.refused, "board")).endswith("NO_PROJECT")


def test_the_command_serves_where_no_server_runs(tmp_path: Path) -> None:
    """Until Ctrl+C, which ends it in order; the address that it prints opens the board."""
    folder = make_project(tmp_path, "shop")
    free = environment(tmp_path, WORKFLOW_MCP_PORT="1")
    with Wire(folder, free, command=[*SERVER, "board", "--no-open"]) as served:
        served.wait_for_log("is served until Ctrl+C")
        line = served._lines.get(timeout=PATIENCE)
        assert line is not None
        assert re.fullmatch(rb"http://127\.0\.0\.1:\d+/board/#key=[\w-]{43}\n", line)
        served.process.send_signal(signal.SIGINT)
        assert served.ended() == 0
