"""`X-Request-Id`: every answer over HTTP has one, the client's own where it is fit for a log."""

from __future__ import annotations

import re

import pytest

from tests.clients.http import Connection, Header, HttpClient
from tests.clients.protocol import Era

MADE = re.compile(r"[0-9a-f]{16}")


async def id_of(url: str, *headers: Header, method: str = "GET", path: str = "/health") -> str:
    """The id of the answer to a request."""
    async with Connection(url) as connection:
        return (await connection.request(method, headers, path=path)).headers["x-request-id"]


@pytest.mark.parametrize("given", ["7", "Root=1-67891233-abcdef", "a" * 128, "2f1c/4:x+y@z.~_="])
async def test_an_id_that_is_fit_for_a_log(url: str, given: str) -> None:
    """What a proxy calls the request is what it is called here."""
    assert await id_of(url, ("X-Request-Id", given)) == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a\tb", 'a"b', "{}", "caf\xe9", b"\xff\xfe", "a;b"])
async def test_an_id_that_is_not(url: str, given: str | bytes) -> None:
    """What is too long, or would need quoting in a log, is replaced."""
    assert MADE.fullmatch(await id_of(url, ("X-Request-Id", given)))


async def test_two_ids(url: str) -> None:
    """Of two ids neither is taken."""
    assert MADE.fullmatch(await id_of(url, ("X-Request-Id", "a"), ("X-Request-Id", "b")))


async def test_each_request_has_its_own(url: str, era: Era) -> None:
    """No two requests share one, on one connection and in one session."""
    async with HttpClient(url, era) as client:
        found = set()
        for _ in range(5):
            request = client.message("tools/list")
            body = (await client.post(request)).headers
            found.add(body["x-request-id"])
    assert len(found) == 5
    assert all(MADE.fullmatch(one) for one in found)


@pytest.mark.parametrize(
    ("path", "headers"), [("/nowhere", ()), ("/health", (("Host", "example.org"),)), ("/metrics", ())]
)
async def test_refusals_have_one_too(url: str, path: str, headers: tuple[Header, ...]) -> None:
    """Whatever answers, the answer can be found in the log."""
    assert await id_of(url, ("X-Request-Id", "mine"), *headers, path=path) == "mine"
