"""Two server processes behind the round robin of `examples/team/nginx.conf`, which is run as it stands there."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.agents import make_project
from tests.clients.databases import Database
from tests.clients.http import Connection, HttpClient
from tests.clients.postgresql import free_port
from tests.clients.protocol import Era
from tests.clients.served import Served, serving
from tests.support import BOUND

NGINX = shutil.which("nginx")
CONFIG = Path(__file__).parents[3] / "examples" / "team" / "nginx.conf"
MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr;
"""
HTTP = """
    access_log off;
    {temporary}
"""
PLACES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not on the PATH")


def config_for(folder: Path, ports: tuple[int, int], port: int) -> Path:
    """The example's config with these servers behind it, and with a folder for what nginx writes."""
    text = CONFIG.read_text()
    for number, at in enumerate(ports, 1):
        assert text.count(f"server server-{number}:8765;") == 1
        text = text.replace(f"server-{number}:8765", f"127.0.0.1:{at}")
    assert text.count("listen 8080;") == 1
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    temporary = "\n    ".join(f"{place}_temp_path {folder}/{place};" for place in PLACES)
    text = text.replace("http {", "http {" + HTTP.format(temporary=temporary), 1)
    written = folder / "nginx.conf"
    written.write_text(MAIN.format(folder=folder) + text)
    return written


@contextmanager
def round_robin(folder: Path, servers: tuple[Served, Served]) -> Iterator[str]:
    """The URL of an nginx before the servers."""
    folder.mkdir()
    first, second = (urlsplit(server.url).port for server in servers)
    assert first is not None
    assert second is not None
    port = free_port()
    config, log = config_for(folder, (first, second), port), folder / "log"
    command = [str(NGINX), "-p", str(folder), "-c", str(config)]
    with log.open("wb") as written:
        checked = subprocess.run([*command, "-t"], stdout=written, stderr=written, timeout=BOUND, check=False)
        assert checked.returncode == 0, log.read_text()
        process = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        assert process.wait(BOUND) == 0, log.read_text()


async def listening(url: str) -> None:
    """Wait until there is an answer from there."""
    async with asyncio.timeout(BOUND):
        while not await answers(url):
            pass


async def answers(url: str) -> bool:
    """Whether there is an answer from there."""
    try:
        async with Connection(url) as connection:
            return (await connection.request("GET", path="/health")).status == 200
    except ConnectionError:
        return False


async def test_any_replica_answers_any_request(database: Database, era: Era, tmp_path: Path) -> None:
    """What one replica stores the other one knows; each request has nginx's id; a replica that ends is passed over."""
    home, folder = tmp_path / "home", make_project(tmp_path, "shop")
    stored = {"WORKFLOW_MCP_DATABASE_URL": database.url}
    with (
        serving(home, **stored) as first,
        serving(home, **stored) as second,
        round_robin(tmp_path / "nginx", (first, second)) as url,
    ):
        await listening(url)
        async with HttpClient(url, era, (("X-Workflow-Directory", str(folder)),)) as client:
            processes = set()
            for number in range(1, 5):
                made = await client.call("create_work_items", items=[{"title": f"item {number}"}])
                assert f"#{number} " in made.text
                processes |= {(await client.call("health_check")).data["pid"] for _ in range(2)}
            assert processes == {first.process.pid, second.process.pid}
            answer = await client.connection.request("GET", path="/health")
            assert len(answer.headers["x-request-id"]) == 32
            assert (await client.connection.request("GET", path="/metrics")).status == 404
            second.end()
            for _ in range(4):
                assert "4 ready" in (await client.call("list_work_items")).text
