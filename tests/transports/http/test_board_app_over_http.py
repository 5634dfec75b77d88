"""The board within conversations over HTTP: by handles, and with tokens by members alone."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.clients.agents import make_project
from tests.clients.hosts import Host
from tests.clients.http import HttpClient
from tests.clients.protocol import Era
from tests.clients.served import served_here
from tests.transports.http.test_members_over_http import MARK, World, world
from tests.transports.http.test_metrics import figure, figures

__all__ = ["world"]


async def shown_to(client: HttpClient) -> HttpClient:
    """The client, which opens its conversation anew as one that shows apps."""
    client.shows_apps = True
    await client.open()
    return client


async def host_of(world: World, name: str, folder: str) -> Host:
    """A host with this principal's token, at work in a folder."""
    client = await shown_to(await world.client(name, world.base / folder))
    return Host(client, project=world.project.known_id)  # type: ignore[arg-type]  # see World.at


async def test_a_page_has_the_session_of_its_conversation(era: Era, tmp_path: Path) -> None:
    """Its handle goes from the first call to the page, and from there into each of its own; calls are counted."""
    async with served_here(tmp_path) as server, HttpClient(server.url, era) as client:
        host = Host(await shown_to(client))  # type: ignore[arg-type]  # see World.at
        set_there = await host.data(
            "set_working_directory", directory=str(make_project(tmp_path, "shop")), new_session=True
        )
        assert (await host.call("show_board")).code in ("NO_SESSION", "NO_DIRECTORY")
        host.session = set_there["session"]
        begin = await host.data("show_board")
        assert (begin["session"], begin["project_name"]) == (host.session, "shop")
        host.project = begin["project"]
        assert (await host.page("items", {"title": "x"}))["item"]["id"] == 1
        found = await figures(client)
    assert figure(found, "calls_total", tool="board_request", outcome="ok") == 1
    assert figure(found, "calls_total", tool="show_board", outcome="ok") == 1


async def test_a_member_s_role_holds_on_the_page(world: World) -> None:
    """Who may read sees the board and changes nothing; who may write is in the history under the name of the token."""
    await world.let_in("bob", "read")
    bob, ann = await host_of(world, "bob", "ann"), await host_of(world, "ann", "ann")
    assert MARK in await bob.show()
    assert (await bob.page("items/1", {"priority": 0}, 403))["error"]["code"] == "ROLE_INSUFFICIENT"
    assert (await bob.ask("projects"))[1]["projects"][0]["may_write"] is False
    await ann.page("items/1/notes", {"text": "seen"})
    assert (await bob.page("items/1"))["notes"][0]["by"] == "ann (board)"


async def told_of(world: World, project: str, folder: Path) -> str:
    """What Bob is told of a project: in a folder whose config names it, and by paths from the board of his own."""
    named = await host_of(world, "bob", folder.name)
    told = [(await named.call("show_board")).text, (await named.call("board_request", path="me")).text]
    bob = await host_of(world, "bob", "bobs")
    for place in ("board", "items/1", "changes?after=0", "activity", "items"):
        told += [repr(await bob.ask(f"projects/{project}/{place}", body)) for body in (None, {"title": MARK})]
    return "\n".join(told).replace(project, "ID").replace(str(folder), "FOLDER")


async def test_who_is_no_member_cannot_tell_a_project_from_none(world: World) -> None:
    """Nothing of Ann's project is in it, and nothing of hers changes."""
    nobodys = str(uuid4())
    foreign, unknown = world.folder("foreign", world.project.known_id), world.folder("unknown", nobodys)
    (world.base / "bobs").mkdir()
    bob, ann = await host_of(world, "bob", "bobs"), await host_of(world, "ann", "ann")
    await bob.data("init_project")
    before = (await ann.page("changes"))["event"]
    told = await told_of(world, world.project.known_id, foreign)
    assert told == await told_of(world, nobodys, unknown)
    assert MARK not in told
    assert "(200" not in told
    assert [one["name"] for one in (await bob.ask("projects"))[1]["projects"]] == ["bobs"]
    assert (await ann.page("changes"))["event"] == before
