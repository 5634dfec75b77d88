"""Bearer tokens over HTTP: who is let in, as whom, and from when on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.http import Connection, Header, HttpClient
from tests.clients.protocol import Era
from tests.clients.served import served_here
from tests.transports.http.test_handles import TOKENS, logged_in, minted, result, tokens_file
from workflow_mcp.sessions.stores.files import LazyFileTreeStore

__all__ = ["tokens_file"]


@pytest.fixture
async def guarded(tmp_path: Path, tokens_file: Path) -> AsyncIterator[str]:
    """The URL of a server that asks for tokens."""
    async with served_here(tmp_path, tokens_file=tokens_file) as server:
        yield server.url


@pytest.mark.parametrize(
    "value",
    [
        None, "", "Bearer", "Bearer ", "Bearer nobody", f"Basic {TOKENS['ann']}", TOKENS["ann"],
        f"Bearer {TOKENS['ann']}x", f"Bearer {TOKENS['ann'].upper()}", f"Bearer ann:{TOKENS['ann']}",
        "Bearer \xff\xfe", "Bearer " + "A" * 50_000,
    ],
)  # fmt: skip
async def test_without_a_good_token(guarded: str, era: Era, value: str | None) -> None:
    """Without a token, or with one that is not exactly right, every request gets 401 and no word about why."""
    headers: tuple[Header, ...] = () if value is None else (("Authorization", value),)
    client = HttpClient(guarded, era, headers)
    message = client.message("tools/list")
    async with client.connection as connection:
        for method, body in (("POST", str(message).encode()), ("GET", b""), ("DELETE", b"")):
            answer = await connection.request(method, client.request_headers(message), body)
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert b"ann" not in answer.body
            assert "mcp-session-id" not in answer.headers


async def test_two_tokens_in_one_request(guarded: str) -> None:
    """Two `Authorization` headers do not add up to more than one of them would be good for."""
    good, bad = f"Bearer {TOKENS['ann']}", "Bearer nobody"
    for values in ((bad, good), (f"{bad}, {good}",)):
        async with Connection(guarded) as connection:
            answer = await connection.request("POST", [("Authorization", value) for value in values], b"{}")
            assert answer.status == 401


async def test_each_principal_has_its_own(guarded: str, era: Era, tmp_path: Path) -> None:
    """Ann and Bob each work with their own session and handle; neither sees the other's."""
    (tmp_path / "bob").mkdir()
    async with logged_in(guarded, "ann", era) as ann, logged_in(guarded, "bob", era) as bob:
        for client, directory in ((ann, tmp_path), (bob, tmp_path / "bob")):
            handle = await minted(client, directory)
            other = bob if client is ann else ann
            assert (await result(client, handle))["structuredContent"]["directory"] == str(directory)
            assert (await result(other, handle))["isError"] is True


async def test_a_token_that_is_replaced_keeps_the_handles(tmp_path: Path, tokens_file: Path) -> None:
    """A handle belongs to the name, not to the token: the new token has it, the old one nothing."""
    async with served_here(tmp_path, tokens_file=tokens_file) as server, logged_in(server.url, "ann") as old:
        handle = await minted(old, tmp_path)
        tokens_file.write_text(f"ann:{'new' * 10}\nbob:{TOKENS['ann']}\n")
        assert (await result(old, handle))["isError"] is True, "the old token is Bob's now"
        old.headers = (("Authorization", f"Bearer {'new' * 10}"),)
        assert (await result(old, handle))["structuredContent"]["directory"] == str(tmp_path)
        old.headers = (("Authorization", f"Bearer {TOKENS['bob']}"),)
        assert (await old.exchange("tools/list"))["status"] == 401


async def test_a_file_that_breaks_while_serving(tmp_path: Path, tokens_file: Path) -> None:
    """A tokens file that can no longer be used shuts everybody out until it is put right; `/health` goes on."""
    async with served_here(tmp_path, tokens_file=tokens_file) as server, logged_in(server.url, "ann") as ann:
        text = tokens_file.read_text()
        tokens_file.write_text("nonsense")
        assert (await ann.exchange("tools/list"))["status"] == 401
        assert (await ann.connection.request("GET", path="/health")).status == 200
        tokens_file.write_text(text)
        assert "result" in await ann.exchange("tools/list")


async def test_handles_of_before_there_were_tokens(tmp_path: Path, tokens_file: Path) -> None:
    """A handle that was minted without a token is nobody's once tokens are asked for, and theirs is not anybody's."""
    store = LazyFileTreeStore(tmp_path / "sessions")
    async with served_here(tmp_path, session_store=store) as server, HttpClient(server.url) as anybody:
        before = await minted(anybody, tmp_path)
    async with (
        served_here(tmp_path, session_store=store, tokens_file=tokens_file) as server,
        logged_in(server.url, "ann") as ann,
    ):
        assert (await result(ann, before))["isError"] is True
        hers = await minted(ann, tmp_path)
    async with served_here(tmp_path, session_store=store) as server, HttpClient(server.url) as anybody:
        assert (await result(anybody, hers))["isError"] is True
        assert (await result(anybody, before))["structuredContent"]["directory"] == str(tmp_path)
