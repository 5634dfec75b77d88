"""What other web pages can do to the board: nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from tests.board.pages import ORIGIN, Desk, Page, open_desk
from tests.support import PROJECT_ID
from workflow_mcp.board.app import build_board
from workflow_mcp.board.requests import MAX_BODY_BYTES

POLICY = {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "script-src 'self'"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "10.0.0.1", "", "[", "::1"]
)
async def test_a_foreign_host_is_refused(page: Page, host: str) -> None:
    """A name that an attacker lets lead to this machine (DNS rebinding) gives neither the page nor its data."""
    for path in ("/board/", "/board/static/board.js", "/board/api/me", "/board/api/projects"):
        answer = await page.client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (421, "HOST_NOT_ALLOWED")


async def test_the_server_s_own_names_are_taken(tmp_path: Path) -> None:
    """This machine's names, and those that the settings name."""
    async with open_desk(tmp_path, allowed_hosts="board.example", allowed_origins="https://board.example") as desk:
        page = desk.browser()
        for host in ("localhost:8765", "127.0.0.1:8765", "[::1]:8765", "Board.Example"):
            assert (await page.client.get("/board/api/me", headers={"Host": host})).status_code == 401
        proxied = {"Host": "board.example", "Origin": "https://board.example"}
        answer = await page.client.post("/board/api/session", json={"key": "x"}, headers=proxied)
        assert answer.json()["error"]["code"] == "KEY_INVALID"


async def test_where_others_reach_it_addresses_are_taken(tmp_path: Path) -> None:
    """No name leads a page to an address, so any address is taken where it is not only this machine's."""
    async with open_desk(tmp_path, host="0.0.0.0") as desk:
        page = desk.browser()
        assert (await page.client.get("/board/api/me", headers={"Host": "10.1.2.3:8765"})).status_code == 401
        assert (await page.client.get("/board/api/me", headers={"Host": "evil.example"})).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:8765"},
        {"Origin": "https://127.0.0.1:8765"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_request_of_another_page_is_refused(page: Page, headers: dict[str, str]) -> None:
    """Also one of another port of this machine, which has the cookie: it neither reads nor changes anything."""
    assert (await page.client.get("/board/api/me", headers=headers)).status_code == 403
    for path in ("session", "key", f"projects/{PROJECT_ID}/items"):
        answer = await page.client.post(f"/board/api/{path}", json={"title": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")
    assert (await page.states())["ready"] == []


def written_to(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The method and path of everything that is not only read, by the application's own table of routes."""
    for route in routes:
        if isinstance(route, Mount):
            yield from written_to(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            path = (prefix + route.path).replace("{project}", PROJECT_ID).replace("{item:int}", "1")
            yield from ((method, path) for method in (route.methods or set()) - {"GET", "HEAD"})


async def test_nothing_is_changed_without_the_board_s_own_origin(desk: Desk, page: Page) -> None:
    """Every route that changes something refuses a request that names no origin, `null`, or another port's."""
    await page.write("items", {"title": "x"})
    found = list(written_to(build_board(desk.site, desk.settings).routes))
    assert len(found) > 10
    for method, path in found:
        for headers in ({}, {"Origin": ""}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:8766"}):
            answer = await page.client.request(method, path, json={}, headers=headers)
            if path == "/board/api/key" and not headers:
                assert answer.status_code == 200  # for programs: see test_a_program_gets_a_key
                continue
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED"), (path, headers)
    assert [entry["action"] for entry in (await page.read("activity"))["entries"]] == ["created"]
    for method, path in found:
        answer = await page.client.request(method, path, json={}, headers={"Origin": ORIGIN})
        assert answer.status_code != 403, path


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_changes_anything(page: Page, content_type: str) -> None:
    """What a form of any site can send is refused, as a cross-site `text/plain` POST is that creates a task."""
    answer = await page.client.post(
        f"/board/api/projects/{PROJECT_ID}/items",
        content=b'{"title": "x"}',
        headers={"Origin": ORIGIN, "Content-Type": content_type},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "ARGUMENT_INVALID")
    assert (await page.states())["ready"] == []


async def test_every_answer_says_what_the_browser_may_do(page: Page) -> None:
    """Nothing is run, framed or sniffed that is not the page's own; nothing private is kept."""
    for path, kept in (
        ("/board/api/me", "no-store"),
        ("/board/static/nothing.js", "no-cache"),
        ("/board/api/x", "no-store"),
    ):
        headers = (await page.client.get(path)).headers
        policy = headers["content-security-policy"]
        assert {part.strip() for part in policy.split(";")} >= POLICY
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == kept


async def test_large_and_malformed_bodies_are_refused(page: Page) -> None:
    """A body that is too large, deeply nested, no JSON, or no object."""
    for body, status, code in (
        (b'{"key": "' + b"x" * MAX_BODY_BYTES + b'"}', 413, "BODY_TOO_LARGE"),
        (b'{"key": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400, "ARGUMENT_INVALID"),
        (b"[" * 100_000, 400, "ARGUMENT_INVALID"),
        (b"{", 400, "ARGUMENT_INVALID"),
        (b"[]", 400, "ARGUMENT_INVALID"),
        (b'{"key": "\xff"}', 400, "ARGUMENT_INVALID"),
        (b"", 400, "ARGUMENT_INVALID"),
    ):
        answer = await page.client.post(
            "/board/api/session", content=body, headers={"Origin": ORIGIN, "Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_defect_tells_nothing(desk: Desk, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not expected is answered without its details."""

    async def broken(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(desk.site), "projects", broken)
    answer = await page.client.get("/board/api/projects")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.text
