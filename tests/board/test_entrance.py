"""The way to the board: one-time keys, cookies, and who gets them."""

from __future__ import annotations

from pathlib import Path

from tests.board.pages import ANN, ORIGIN, PROJECT, Desk, Page, open_desk
from tests.support import PROJECT_ID, DictStore, write_config
from workflow_mcp.board.access import KEY_SECONDS, SESSION_SECONDS, Access, Viewer
from workflow_mcp.sessions.principals import Principal


async def test_a_key_opens_the_board_once(desk: Desk) -> None:
    """Who comes second, also with a stolen key, gets nothing."""
    key = await desk.site.access.make_key(ANN)
    page, thief = desk.browser(), desk.browser()
    assert await page.post("session", {"key": key}) == await page.get("me")
    assert await page.get("me") == {"actor": "Ann (board)", "project": PROJECT_ID}
    error = await thief.post("session", {"key": key}, 401)
    assert error["error"]["code"] == "KEY_INVALID"
    assert (await thief.get("me", 401))["error"]["code"] == "KEY_REQUIRED"
    assert (await thief.read("board", 401))["error"]["code"] == "KEY_REQUIRED"


async def test_a_key_expires(desk: Desk) -> None:
    """After two minutes it opens nothing."""
    key = await desk.site.access.make_key(ANN)
    desk.clock.advance(KEY_SECONDS)
    await desk.browser().post("session", {"key": key}, 401)


async def test_a_cookie_expires(desk: Desk, page: Page) -> None:
    """After a week one opens the board again."""
    await page.get("me")
    desk.clock.advance(SESSION_SECONDS)
    await page.get("me", 401)


async def test_no_script_and_no_other_site_gets_the_cookie(desk: Desk) -> None:
    """It is HttpOnly and SameSite=Strict, goes to the board alone, and is not the cookie of another port's board."""
    key = await desk.site.access.make_key(ANN)
    answer = await desk.browser().client.post("/board/api/session", json={"key": key}, headers={"Origin": ORIGIN})
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == "workflow_board_8765"
    assert key not in rest
    assert {part.strip().lower() for part in rest.split(";")[1:]} == {
        "httponly",
        "samesite=strict",
        "path=/board",
        f"max-age={SESSION_SECONDS:.0f}",
    }


async def test_only_hashes_are_stored(desk: Desk) -> None:
    """Who reads the store finds no secret in it."""
    store = DictStore()
    access = Access(store, clock=desk.clock)
    key = await access.make_key(ANN)
    traded = await access.trade(key)
    assert traded is not None
    cookie, viewer = traded
    assert viewer == ANN
    assert len(store.entries) == 1
    assert key not in repr(store.entries)
    assert cookie not in repr(store.entries)


async def test_guesses_open_nothing(desk: Desk) -> None:
    """Neither an empty key, nor one that is text of any kind, nor a cookie of one's own making."""
    page = desk.browser()
    for key in ("", "x", "\ud800", "../../sessions", "0" * 200):
        await page.post("session", {"key": key} if key != "\ud800" else {"key": "\\ud800"}, 401)
    await page.post("session", {"key": "x" * 201}, 400)
    page.client.cookies.set("workflow_board_8765", "made-up")
    await page.get("me", 401)


async def test_a_program_gets_a_key(desk: Desk, tmp_path: Path) -> None:
    """`workflow-mcp board` asks for one, for its user and project; a page, even the board's own, is refused."""
    write_config(tmp_path)
    fields = {"name": "Ann", "project": PROJECT_ID, "project_name": PROJECT.name, "directory": str(tmp_path)}
    program, page = desk.browser(), desk.browser()
    answer = await program.client.post("/board/api/key", json=fields)
    assert answer.status_code == 200, answer.text
    await page.post("session", {"key": answer.json()["key"]})
    assert (await page.get("me"))["actor"] == "Ann (board)"
    for headers in ({"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        answer = await page.client.post("/board/api/key", json=fields, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ORIGIN_NOT_ALLOWED")


async def test_a_key_is_for_what_is_there(desk: Desk) -> None:
    """Not for an unknown project, a directory that is none, or data that this server does not keep."""
    program = desk.browser()
    for fields, code in (
        ({"name": "Ann", "project": "nope"}, None),
        ({"name": "Ann", "directory": "/no/such/folder"}, "DIRECTORY_NOT_FOUND"),
        ({"name": "Ann", "data_dir": "/elsewhere"}, "ARGUMENT_INVALID"),
        ({"name": "Ann", "admin": True}, "ARGUMENT_INVALID"),
    ):
        answer = await program.client.post("/board/api/key", json=fields)
        if code is not None:
            assert answer.json()["error"]["code"] == code


async def test_a_name_is_made_fit_to_be_an_actor(desk: Desk) -> None:
    """Whatever a user is called, what they change has an actor."""
    for name, actor in (
        ("<b>Ann</b>", "b Ann b (board)"),
        ("", "somebody (board)"),
        ("A" * 100, f"{'A' * 92} (board)"),
    ):
        answer = await desk.browser().client.post("/board/api/key", json={"name": name})
        traded = await desk.site.access.trade(answer.json()["key"])
        assert traded is not None
        _, viewer = traded
        assert len(viewer.actor) <= 100
        assert viewer.actor.startswith(actor[:5])


async def test_with_tokens_a_key_is_the_token_s(tmp_path: Path) -> None:
    """The name is that of the token, whatever is asked for; without a known token there is no key."""
    async with open_desk(tmp_path) as desk:
        known = {"secret-of-ann": "ann"}

        async def principal_of(token: str) -> Principal | None:
            return Principal(known[token]) if token in known else None

        desk.site.principal_of = principal_of
        desk.site.has_token = lambda name: name in known.values()
        program, page = desk.browser(), desk.browser()
        for headers in ({}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic secret-of-ann"}):
            answer = await program.client.post("/board/api/key", json={"name": "Bob"}, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "KEY_REQUIRED")
        answer = await program.client.post(
            "/board/api/key", json={"name": "Bob"}, headers={"Authorization": "Bearer secret-of-ann"}
        )
        await page.post("session", {"key": answer.json()["key"]})
        assert (await page.get("me"))["actor"] == "ann (board)"
        known.clear()
        await page.get("me", 401)


async def test_a_cookie_ends_with_the_token_that_it_was_given_for(tmp_path: Path) -> None:
    """Where that says when it ends; the name becomes one that an actor can have."""
    async with open_desk(tmp_path) as desk:

        async def principal_of(_token: str) -> Principal | None:
            return Principal("auth0|4f", desk.clock() + 600)

        desk.site.principal_of = principal_of
        answer = await desk.browser().client.post("/board/api/key", json={}, headers={"Authorization": "Bearer x"})
        page = desk.browser()
        await page.post("session", {"key": answer.json()["key"]})
        desk.clock.advance(599)
        assert (await page.get("me"))["actor"] == "auth0 4f (board)"
        desk.clock.advance(1)
        await page.get("me", 401)


async def test_one_may_be_shown_one_project_alone(desk: Desk) -> None:
    """Other projects are neither listed nor found, as if there were none."""
    agent = await desk.agent()
    store = await desk.site.store()
    other = await store.find_or_create_project("other")
    assert other.id is not None
    await store.ensure(other)
    everybody = await desk.page()
    narrow = await desk.page(Viewer("Ann", project=PROJECT_ID, project_name=PROJECT.name, only=True))
    assert agent.data.project.id == PROJECT_ID
    assert [one["id"] for one in (await everybody.get("projects"))["projects"]] == [PROJECT_ID, other.id]
    assert [one["id"] for one in (await narrow.get("projects"))["projects"]] == [PROJECT_ID]
    everybody.project = narrow.project = other.id
    await everybody.read("board")
    assert (await narrow.read("board", 404))["error"]["code"] == "PROJECT_UNKNOWN"


async def test_a_server_that_has_not_started_says_so(desk: Desk) -> None:
    """A browser that comes too early is told to come again."""
    page = await desk.page()
    desk.site._services = None
    assert (await page.get("projects", 503))["error"]["code"] == "STORE_CLOSED"
