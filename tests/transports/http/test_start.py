"""Starting over HTTP, `GET /health`, and who may knock at all."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.clients.http import Connection, HttpClient
from tests.clients.peers import isolated_settings
from tests.clients.served import Served, refused_start, serving
from tests.support import posix_only
from tests.transports.http.test_handles import TOKENS, tokens_file
from workflow_mcp import __version__
from workflow_mcp.errors import UsageError
from workflow_mcp.server.addresses import is_loopback
from workflow_mcp.transports.http.server import build_http_server

__all__ = ["tokens_file"]


def refusal(home: Path, **settings: Any) -> UsageError:
    """Why a server with these settings cannot be made."""
    with pytest.raises(UsageError) as refused:
        build_http_server(isolated_settings(home, **{"port": 0, **settings}))
    return refused.value


def test_others_need_a_token(tmp_path: Path) -> None:
    """A server that others could reach does not start without tokens, and says which setting to add."""
    refused = refused_start(tmp_path / "home", "--host", "0.0.0.0")
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("TOKENS_REQUIRED: 0.0.0.0 can be reached from other machines")
    assert "set WORKFLOW_MCP_TOKENS_FILE=/path/to/tokens (one name:token a line, mode 600)" in line
    assert refused.stdout == ""


@pytest.mark.parametrize("host", ["::", "192.0.2.1", "example.org", "localhost.example.org"])
def test_what_others_can_reach(tmp_path: Path, host: str) -> None:
    """The same holds for every host that is not certainly this machine's own."""
    assert refusal(tmp_path, host=host).code == "TOKENS_REQUIRED"


async def test_others_with_a_token(tmp_path: Path, tokens_file: Path) -> None:
    """With tokens the same host is served, `/health` for everybody, the rest for those who have one."""
    variables = {"WORKFLOW_MCP_HOST": "0.0.0.0", "WORKFLOW_MCP_TOKENS_FILE": str(tokens_file)}
    with serving(tmp_path / "home", **variables) as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        async with HttpClient(url, headers=(("Authorization", f"Bearer {TOKENS['ann']}"),)) as client:
            assert not (await client.call("health_check")).is_error
            client.headers = ()
            assert (await client.exchange("tools/list"))["status"] == 401
            assert (await client.connection.request("GET", path="/health")).status == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
        ("0.0.0.0", False), ("::", False), ("192.168.1.1", False), ("localhost.example.org", False), ("", False),
        ("::ffff:192.0.2.1", False), ("2130706433", False),
    ],
)  # fmt: skip
def test_what_only_this_machine_can_reach(host: str, *, expected: bool) -> None:
    """Only names and addresses that are certainly loopback count as such."""
    assert is_loopback(host) is expected


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port in use ends the start, and the error names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = str(refusal(tmp_path, port=port))
    assert line.startswith(f"ADDRESS_UNUSABLE: 127.0.0.1 port {port}: ")
    assert line.endswith("Next: choose another with --port or --host.")


@posix_only
@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        ("ann:" + "a" * 32, 0o644, "TOKENS_NOT_PRIVATE"),
        ("ann:short", 0o600, "TOKENS_INVALID"),
        ("# nobody yet\n", 0o600, "TOKENS_INVALID"),
        (None, 0o600, "TOKENS_UNREADABLE"),
    ],
)
def test_tokens_that_cannot_be_used(tmp_path: Path, content: str | None, mode: int, code: str) -> None:
    """A tokens file that is wrong, missing or readable by others ends the start, and no token is shown."""
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    line = str(refusal(tmp_path, tokens_file=path))
    assert line.startswith(f"{code}: {path}")
    assert "short" not in line
    assert "aaaa" not in line


def test_a_directory_makes_no_sense_over_http(tmp_path: Path) -> None:
    """`--directory` describes one client; the start is refused and says what clients do instead."""
    refused = refused_start(tmp_path / "home", "--directory", str(tmp_path))
    assert refused.returncode == 2
    assert refused.stderr.startswith("DIRECTORY_OVER_HTTP: ")


async def test_health_says_little(url: str, shared: Served) -> None:
    """`/health` answers anybody with the state and the version, nothing else, and opens no session."""
    async with HttpClient(url, "legacy") as client:
        before = (await client.call("health_check")).data["sessions"]
        answer = await client.connection.request("GET", path="/health")
        assert (answer.status, answer.json) == (200, {"status": "ok", "version": __version__})
        assert not {"mcp-session-id", "set-cookie", "server"} & set(answer.headers)
        assert (await client.call("health_check")).data["sessions"] == before


async def test_another_path(tmp_path: Path) -> None:
    """`--path` moves the endpoint, and nothing is left at the usual place."""
    with serving(tmp_path / "home", "--path", "/elsewhere/mcp") as served:
        assert served.url.endswith("/elsewhere/mcp")
        async with HttpClient(served.url) as client:
            assert not (await client.call("health_check")).is_error
            assert (await client.connection.request("POST", path="/mcp")).status == 404


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_ipv6(tmp_path: Path) -> None:
    """An IPv6 loopback address is served, and its URL is one that clients can use."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    with serving(tmp_path / "home", "--host", "::1") as served:
        assert served.url.startswith("http://[::1]:")
        async with HttpClient(served.url, headers=(("Host", served.url.split("/")[2]),)) as client:
            assert not (await client.call("health_check")).is_error


CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
JSON = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "127.0.0.1@example.org", "", "[::1"])
@pytest.mark.parametrize("path", ["/mcp", "/health"])
async def test_a_foreign_host(url: str, host: str, path: str) -> None:
    """A request for another host, as DNS rebinding makes a browser send, is refused everywhere."""
    async with Connection(url) as connection:
        answer = await connection.request("POST" if path == "/mcp" else "GET", [("Host", host), *JSON], CALL, path)
    assert answer.status in (400, 421)
    assert b"result" not in answer.body
    assert b"version" not in answer.body


@pytest.mark.parametrize("origin", ["http://example.org", "https://127.0.0.1.example.org", "null", "file://"])
async def test_a_foreign_origin(url: str, origin: str) -> None:
    """A request from another site's page is refused, in both eras."""
    for version in ([], [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "ping")]):
        async with Connection(url) as connection:
            answer = await connection.request("POST", [("Origin", origin), *JSON, *version], CALL)
        assert answer.status == 403


async def test_origins_that_the_operator_allows(tmp_path: Path) -> None:
    """`WORKFLOW_MCP_ALLOWED_HOSTS` and `…_ORIGINS` let in what they name and nothing else."""
    limits = {
        "WORKFLOW_MCP_ALLOWED_HOSTS": "mcp.example.org",
        "WORKFLOW_MCP_ALLOWED_ORIGINS": "https://app.example.org",
    }
    with serving(tmp_path / "home", **limits) as served:
        for host, origin, allowed in [
            ("mcp.example.org", "https://app.example.org", True),
            ("mcp.example.org", "https://other.example.org", False),
            ("other.example.org", "https://app.example.org", False),
        ]:
            async with HttpClient(served.url) as ours:
                ours.headers = (("Host", host), ("Origin", origin))
                answer = await ours.exchange("tools/list")
                assert ("result" in answer) == allowed, (host, origin, answer)


@posix_only
def test_the_port_is_free_again_at_once(tmp_path: Path) -> None:
    """A server that follows another one on the same port can listen at once, connections of before or not."""
    with serving(tmp_path / "home") as first:
        port = first.url.split(":")[2].split("/")[0]
        connection = socket.create_connection(("127.0.0.1", int(port)))
    with connection, serving(tmp_path / "home", "--port", port) as second:
        assert second.url == first.url
