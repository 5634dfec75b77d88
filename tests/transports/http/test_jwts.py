"""JSON Web Tokens over HTTP: which are taken, as whose, and what is said of settings that cannot be used."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.clients.agents import Agent, make_project
from tests.clients.http import Connection, HttpClient
from tests.clients.protocol import MODERN, Era
from tests.clients.served import refused_start, served_app, served_here
from tests.transports.http.test_handles import TOKENS, tokens_file
from tests.transports.http.test_start import refusal
from workflow_mcp.errors import UsageError
from workflow_mcp.settings import load_settings
from workflow_mcp.transports.http.jwts import SubjectVerifier

__all__ = ["tokens_file"]

ISSUER, AUDIENCE = "https://issuer.example", "workflow-mcp"


@pytest.fixture(scope="module")
def key() -> RSAKey:
    """The issuer's key."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def other_key() -> RSAKey:
    """A key that the issuer has not published."""
    return RSAKey.generate_key(2048, {"kid": "two"})


@dataclass
class Issuer:
    """What publishes keys.

    Attributes:
        uri: where.
        keys: the keys that it publishes.
        status: what it answers with.
        asked: how often it was asked.
    """

    keys: list[Any]
    uri: str = ""
    status: int = 200
    asked: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    async def answer(self, _request: Request) -> JSONResponse:
        """The public keys."""
        self.asked += 1
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]}, self.status)


@asynccontextmanager
async def publishing(*keys: Any, **settings: Any) -> AsyncIterator[Issuer]:
    """An issuer of its own, and the settings that name it."""
    issuer = Issuer(list(keys))
    async with served_app(Starlette(routes=[Route("/jwks", issuer.answer)]), "/jwks") as issuer.uri:
        named = {"jwt_jwks_uri": issuer.uri, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
        issuer.settings = named | settings
        yield issuer


@pytest.fixture
async def issuer(key: RSAKey) -> AsyncIterator[Issuer]:
    """An issuer of one key."""
    async with publishing(key) as published:
        yield published


def signed(key: Any, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is good, but for what is said here; a claim that is None is left out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "cem", "exp": int(time.time()) + 600, "client_id": "an app"}
    given = {name: value for name, value in (good | claims).items() if value is not None}
    head = {"alg": "RS256", "kid": key.as_dict().get("kid"), **(header or {})}
    return jwt.encode(head, given, key, algorithms=[head["alg"]])


def part(value: dict[str, Any]) -> str:
    """A part of a token that is written by hand."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_secret(secret: bytes, claims: str) -> str:
    """A token whose signature takes the secret, here a public key."""
    text = f"{part({'alg': 'HS256', 'kid': 'one'})}.{claims}"
    digest = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def client(url: str, token: str, era: Era = "2026-07-28") -> HttpClient:
    """A client with this token."""
    return HttpClient(url, era, (("Authorization", f"Bearer {token}"),))


async def status(url: str, token: str) -> int:
    """What a call with this token is answered with."""
    async with client(url, TOKENS["bob"]) as one:
        one.headers = (("Authorization", f"Bearer {token}"),)
        return int((await one.exchange("tools/list")).get("status", 200))


async def test_the_subject_is_the_principal(issuer: Issuer, key: RSAKey, era: Era, tmp_path: Path) -> None:
    """A good JWT is let in as its subject, not as the program that got it; with its next token it is the same."""
    folder = make_project(tmp_path, "shop", with_id=False)
    where = ("X-Workflow-Directory", str(folder))
    async with served_here(tmp_path, **issuer.settings) as server:
        async with client(server.url, signed(key, sub="auth0|4f"), era) as first:
            first.headers += (where,)
            agent = Agent(first)  # type: ignore[arg-type]  # an HttpClient calls tools as a peer does
            await agent.create("one")
            if era == MODERN:
                assert (await agent.item(1))["created_by"] == "auth0 4f", "as an actor's name can be"
            first.headers = (("Authorization", f"Bearer {signed(key, sub='auth0|4f', jti='next')}"), where)
            assert await agent.titles() == ["one"]
        async with client(server.url, signed(key, sub="auth0|5a"), era) as second:
            second.headers += (where,)
            told = await Agent(second).refused("PROJECT_UNKNOWN", "list_work_items")  # type: ignore[arg-type]  # as above
            assert "`workflow-mcp members add 'auth0|5a'`" in told
        async with client(server.url, signed(key, aud=["x", AUDIENCE], nbf=int(time.time()) + 10)) as third:
            assert "`workflow-mcp members add cem`" in (await third.call("list_projects")).text
    assert issuer.asked == 1


async def test_the_board_asks_for_one_too(issuer: Issuer, key: RSAKey, tmp_path: Path) -> None:
    """A key for it is given for a good token alone, where there is no tokens file either."""
    async with served_here(tmp_path, **issuer.settings) as server, Connection(server.url) as connection:
        assert (await connection.request("GET", path="/board/api/projects")).status == 401
        for token, expected in ((signed(key, exp=1), 401), (signed(key), 200)):
            headers = [("Content-Type", "application/json"), ("Authorization", f"Bearer {token}")]
            answer = await connection.request("POST", headers, b"{}", path="/board/api/key")
            assert answer.status == expected


async def test_what_is_refused(
    issuer: Issuer, key: RSAKey, other_key: RSAKey, tmp_path: Path, tokens_file: Path
) -> None:
    """Each of them is answered with 401, and none of it is served."""
    now = int(time.time())
    good = signed(key)
    head, claims, signature = good.split(".")
    tampered = part({"iss": ISSUER, "aud": AUDIENCE, "sub": "root", "exp": now + 600})
    tokens = {
        "expired": signed(key, exp=now - 1),
        "not yet": signed(key, nbf=now + 600),
        "never ends": signed(key, exp=None),
        "ends at a word": f"{head}.{part({'exp': 'never'})}.{signature}",
        "another audience": signed(key, aud="another"),
        "no audience": signed(key, aud=None),
        "another issuer": signed(key, iss="https://issuer.example.org"),
        "no issuer": signed(key, iss=None),
        "nobody's": signed(key, sub=None),
        "an empty subject": signed(key, sub=""),
        "a subject of two lines": signed(key, sub="ann\nbob"),
        "a long subject": signed(key, sub="a" * 256),
        "a subject that is no text": signed(key, sub=["ann"]),
        "a name in the file": signed(key, sub="bob"),
        "alg none": f"{part({'alg': 'none'})}.{claims}.",
        "alg none with a signature": f"{part({'alg': 'none', 'kid': 'one'})}.{claims}.{signature}",
        "signed with the public key": with_secret(key.as_pem(private=False), claims),
        "another algorithm": signed(key, header={"alg": "RS512"}),
        "an unknown key": signed(other_key),
        "an unknown key under a known name": signed(other_key, header={"kid": "one"}),
        "a key of its own": signed(other_key, header={"jwk": other_key.as_dict(private=False), "kid": "one"}),
        "other claims": f"{head}.{tampered}.{signature}",
        "no signature": f"{head}.{claims}.",
        "two parts": f"{head}.{claims}",
        "noise": "..",
    }
    async with served_here(tmp_path, tokens_file=tokens_file, **issuer.settings) as server:
        answers = {name: await status(server.url, token) for name, token in tokens.items()}
        assert answers == dict.fromkeys(tokens, 401)
        assert await status(server.url, signed(key)) == 200
        assert await status(server.url, TOKENS["ann"]) == 200


async def test_a_name_in_the_file_is_taken_while_it_is_there(
    issuer: Issuer, key: RSAKey, tmp_path: Path, tokens_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A JWT cannot be somebody of the file, and the log says so; a name that left the file can be a subject."""
    async with served_here(tmp_path, tokens_file=tokens_file, **issuer.settings) as server:
        assert await status(server.url, signed(key, sub="ann")) == 401
        assert "its subject 'ann' is a name in the tokens file" in caplog.text
        tokens_file.write_text(f"bob:{TOKENS['bob']}\n")
        assert await status(server.url, signed(key, sub="ann")) == 200


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are asked for anew for each token, and not at most twice a minute."""
    monkeypatch.setattr(SubjectVerifier, "__init__", partialmethod(_eager, made=SubjectVerifier.__init__))


def _eager(self: SubjectVerifier, *arguments: Any, made: Callable[..., None]) -> None:
    made(self, *arguments)
    self._jwks_refresh_interval = 0.0


@pytest.mark.usefixtures("eager")
async def test_an_issuer_that_cannot_be_reached(
    issuer: Issuer, key: RSAKey, tmp_path: Path, tokens_file: Path, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    """JWTs are refused meanwhile, the log says why; the file's tokens are good, and JWTs when it answers again."""
    async with served_here(tmp_path, tokens_file=tokens_file, **issuer.settings) as server:
        issuer.status = 503
        with caplog.at_level(logging.WARNING):
            assert await status(server.url, signed(key)) == 401
        assert f"JWTs cannot be verified: {issuer.uri} answers 503" in caplog.text
        assert await status(server.url, TOKENS["ann"]) == 200
        issuer.status = 200
        assert await status(server.url, signed(key)) == 200
    gone = {**issuer.settings, "jwt_jwks_uri": "http://127.0.0.1:9/jwks"}
    async with served_here(tmp_path, tokens_file=tokens_file, **gone) as server:
        assert await status(server.url, signed(key)) == 401
        assert "JWTs cannot be verified: http://127.0.0.1:9/jwks: " in caplog.text


async def test_another_algorithm(tmp_path: Path, key: RSAKey, tokens_file: Path) -> None:
    """The setting names the one that is taken."""
    elliptic = ECKey.generate_key("P-256", {"kid": "ec"})
    async with (
        publishing(key, elliptic, jwt_algorithm="ES256") as issuer,
        served_here(tmp_path, tokens_file=tokens_file, **issuer.settings) as server,
    ):
        assert await status(server.url, signed(elliptic, header={"alg": "ES256"})) == 200
        assert await status(server.url, signed(key)) == 401


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"jwt_issuer": ISSUER}, "WORKFLOW_MCP_JWT_JWKS_URI is not set, and others for JWTs are."),
        ({"jwt_jwks_uri": "https://a/k", "jwt_audience": "a"}, "WORKFLOW_MCP_JWT_ISSUER is not set"),
        ({"jwt_jwks_uri": "https://a/k", "jwt_issuer": "a"}, "WORKFLOW_MCP_JWT_AUDIENCE is not set"),
        *(
            ({"jwt_jwks_uri": uri, "jwt_issuer": "a", "jwt_audience": "a"}, f"WORKFLOW_MCP_JWT_JWKS_URI={uri!r}: not")
            for uri in (
                "http://issuer.example/keys",
                "issuer.example/keys",
                "file:///keys",
                "https://",
                "https://[",
                "",
            )
        ),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, given: dict[str, str], said: str) -> None:
    """A server does not start with half of them, or with keys that anybody on the way could exchange."""
    error = refusal(tmp_path, **given)
    assert error.code == "SETTING_INVALID"
    assert error.message.startswith(said)


def test_a_start_with_bad_settings(tmp_path: Path) -> None:
    """It ends with exit code 2 and one line; an algorithm that takes a shared secret is none of those there are."""
    refused = refused_start(tmp_path / "home", WORKFLOW_MCP_JWT_ISSUER=ISSUER)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("SETTING_INVALID: WORKFLOW_MCP_JWT_JWKS_URI is not set")
    with pytest.raises(UsageError, match="WORKFLOW_MCP_JWT_ALGORITHM='HS256'"):
        load_settings(jwt_algorithm="HS256")
