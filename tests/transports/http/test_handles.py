"""Handles over HTTP: whose they are, and that nobody can tell one bad handle from another."""

from __future__ import annotations

import re
import secrets
from functools import partial
from pathlib import Path

import pytest

from tests.clients.http import HttpClient
from tests.clients.protocol import ERAS, MODERN, Era, Message
from tests.clients.served import served_here, serving
from tests.support import FakeClock
from workflow_mcp.app import open_services
from workflow_mcp.server import lifespan

TOKENS = {"ann": "a" * 32, "bob": "b" * 32}


def logged_in(url: str, name: str, era: Era = MODERN) -> HttpClient:
    """A client with this principal's token."""
    return HttpClient(url, era, (("Authorization", f"Bearer {TOKENS[name]}"),))


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    """A file with everybody's token."""
    path = tmp_path / "tokens"
    path.write_text("".join(f"{name}:{token}\n" for name, token in TOKENS.items()))
    path.chmod(0o600)
    return path


async def minted(client: HttpClient, directory: Path) -> str:
    """A new handle of this client's for a directory."""
    done = await client.call("set_working_directory", directory=str(directory), new_session=True)
    handle: str = done.data["session"]
    return handle


async def result(client: HttpClient, handle: str, tool: str = "get_working_directory", **arguments: str) -> Message:
    """The whole result of a call with a handle."""
    return await client.request("tools/call", {"name": tool, "arguments": {"session": handle, **arguments}})


async def test_a_handle_is_unguessable_and_new_every_time(url: str, era: Era, tmp_path: Path) -> None:
    """Handles are 22 to 32 URL-safe characters, and no two are alike."""
    async with HttpClient(url, era) as client:
        handles = [await minted(client, tmp_path) for _ in range(20)]
    assert len(set(handles)) == len(handles)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22,32}", handle) for handle in handles)


async def test_a_handle_works_on_any_connection_of_its_owner(url: str, tmp_path: Path) -> None:
    """A handle is not bound to a connection or an era: a client that connects anew still has it."""
    async with HttpClient(url, "legacy") as first:
        handle = await minted(first, tmp_path)
    for era in ERAS:
        async with HttpClient(url, era) as later:
            assert (await result(later, handle))["structuredContent"]["directory"] == str(tmp_path)


async def test_clients_of_one_server_never_share(url: str, era: Era, tmp_path: Path) -> None:
    """What one client sets without a handle is unknown to every other one, of the same era and of the other."""
    async with HttpClient(url, era) as one:
        await one.call("set_working_directory", directory=str(tmp_path))
        for other_era in ERAS:
            async with HttpClient(url, other_era) as other:
                assert (await other.call("get_working_directory")).data["directory"] is None
                assert (await other.call("end_session")).data["ended"] is False


async def test_every_bad_handle_gets_the_same_answer(
    era: Era, tmp_path: Path, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown, malformed, foreign, ended and expired handles give byte for byte the same result, in every tool."""
    clock = FakeClock()
    monkeypatch.setattr(lifespan, "open_services", partial(open_services, clock=clock))
    async with (
        served_here(tmp_path, tokens_file=tokens_file) as server,
        logged_in(server.url, "ann", era) as ann,
        logged_in(server.url, "bob", era) as bob,
    ):
        expired, ended = await minted(ann, tmp_path), await minted(ann, tmp_path)
        await result(ann, ended, "end_session")
        clock.advance(86_401)
        own, foreign = await minted(ann, tmp_path), await minted(bob, tmp_path)
        assert (await result(ann, own))["structuredContent"]["directory"] == str(tmp_path)
        malformed = [
            "",
            "x",
            own[:-1],
            own + "A",
            own.swapcase(),
            f" {own}",
            "é\0\n",
            "../../etc/passwd",
            "A" * 100_000,
        ]
        bad = [secrets.token_urlsafe(20), expired, ended, foreign, *malformed]
        answers = [await result(ann, handle) for handle in bad]
        answers += [await result(ann, handle, "set_working_directory", directory=str(tmp_path)) for handle in bad]
        answers += [await result(ann, handle, tool) for handle in bad for tool in ("init_project", "end_session")]
        assert answers[0]["content"][0]["text"].startswith("SESSION_UNKNOWN: ")
        assert all(answer == answers[0] for answer in answers)
        assert (await result(bob, foreign))["structuredContent"]["directory"] == str(tmp_path)


async def test_another_principals_handle(era: Era, tmp_path: Path, tokens_file: Path) -> None:
    """Nobody can look at, move or end another principal's session, handle in hand; its owner sees nothing of it."""
    other = tmp_path / "other"
    other.mkdir()
    async with (
        served_here(tmp_path, tokens_file=tokens_file) as server,
        logged_in(server.url, "ann", era) as ann,
        logged_in(server.url, "bob", era) as bob,
    ):
        handle = await minted(ann, tmp_path)
        for tool, arguments in [
            ("get_working_directory", {}),
            ("init_project", {}),
            ("end_session", {}),
            ("set_working_directory", {"directory": str(other)}),
        ]:
            assert (await result(bob, handle, tool, **arguments))["isError"] is True
        assert (await result(ann, handle))["structuredContent"]["directory"] == str(tmp_path)


async def guess(url: str, directory: Path, count: int) -> None:
    """Guess `count` handles while one is good, and expect the one error each time."""
    async with HttpClient(url) as client:
        good = await minted(client, directory)
        sessions = (await client.call("health_check")).data["sessions"]
        said = {
            (await client.call("get_working_directory", session=secrets.token_urlsafe(20))).text for _ in range(count)
        }
        assert len(said) == 1
        assert said.pop().startswith("SESSION_UNKNOWN: ")
        assert (await client.call("health_check")).data["sessions"] == sessions, "a guess must leave nothing behind"
        assert (await result(client, good))["structuredContent"]["directory"] == str(directory)


async def test_guessed_handles(url: str, tmp_path: Path) -> None:
    """Five hundred guesses find nothing, say nothing, and store nothing."""
    await guess(url, tmp_path, 500)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_many_guessed_handles(url: str, tmp_path: Path) -> None:
    """Ten thousand guesses find nothing, say nothing, and store nothing."""
    await guess(url, tmp_path, 10_000)


async def test_a_handle_is_kept_nowhere_in_clear(tmp_path: Path, tokens_file: Path) -> None:
    """Neither the log at its most talkative, nor a file, nor `/health` holds a handle or a token."""
    home = tmp_path / "home"
    variables = {"WORKFLOW_MCP_LOG_LEVEL": "DEBUG", "WORKFLOW_MCP_TOKENS_FILE": str(tokens_file)}
    with serving(home, **variables) as served:
        handles = []
        for era in ERAS:
            async with logged_in(served.url, "ann", era) as client:
                handles.append(await minted(client, tmp_path))
                await result(client, handles[-1])
                await client.call("get_working_directory", session=handles[-1] + "x")
                health = await client.connection.request("GET", path="/health")
        served.end()
        stored = b"".join(path.read_bytes() + str(path).encode() for path in home.rglob("*") if path.is_file())
        kept = stored + bytes(served.err) + health.body
    assert str(tmp_path).encode() in stored, "the session is in a file"
    assert b"sessions are closed" in kept, "the log is here too"
    for secret in (*handles, *TOKENS.values()):
        assert secret.encode() not in kept
