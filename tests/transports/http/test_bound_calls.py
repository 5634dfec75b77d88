"""Bound calls over HTTP: what the hook says holds for its own call alone, whoever tries what with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.clients.hooked import Hooked, new_call
from tests.clients.http import HttpClient
from tests.clients.protocol import ERAS, Era
from tests.clients.served import served_here
from tests.support import FakeClock
from tests.transports.http.test_handles import logged_in, tokens_file
from workflow_mcp import app
from workflow_mcp.app import open_services
from workflow_mcp.server import lifespan
from workflow_mcp.sessions.bindings import LIFETIME, Bindings
from workflow_mcp.sessions.stores.small_files import SmallFiles
from workflow_mcp.transports.http.server import DrainingServer

__all__ = ["tokens_file"]

UNKNOWN = (None, None)


@pytest.fixture
async def guarded(tmp_path: Path, tokens_file: Path) -> AsyncIterator[DrainingServer]:
    """A server for two principals, with the hook tool."""
    async with served_here(tmp_path, tokens_file=tokens_file, hook_tool=True) as server:
        yield server


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path / "one", tmp_path / "two"


async def test_a_call_is_where_its_hook_says(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """Two agents on one connection, with calls that cross: each is in the directory that was bound to its own call."""
    async with logged_in(guarded.url, "ann", era) as client:
        one, two = Hooked(client, places[0]), Hooked(client, places[1], agent="a1", agent_type="Explore")
        first, second = new_call(), new_call()
        await one.bind(first)
        await two.bind(second)
        assert await two.place(two.unbound, second) == (str(places[1]), "call")
        assert await one.place(one.unbound, first) == (str(places[0]), "call")
        answer = await one.call()
        assert answer.data["session"] is None, "the call itself says whose it is"


async def test_it_costs_a_model_nothing(tmp_path: Path, era: Era) -> None:
    """The lists of a server with the hook tool are, byte for byte, those of one without."""
    lists = []
    for hook_tool in (False, True):
        async with served_here(tmp_path, hook_tool=hook_tool) as server, HttpClient(server.url, era) as client:
            lists.append([await client.request(f"{kind}/list") for kind in ("tools", "prompts", "resources")])
            assert (await Hooked(client, tmp_path).bind(new_call())).is_error is not hook_tool
    assert lists[0] == lists[1]


async def test_without_the_setting_a_call_s_id_means_nothing(tmp_path: Path, era: Era) -> None:
    """A server that the plugin did not start has no hook tool, and resolves every call as ever."""
    async with served_here(tmp_path) as server, HttpClient(server.url, era) as client:
        agent = Hooked(client, tmp_path)
        refused = await agent.bind(new_call())
        assert refused.code == "TOOL_UNKNOWN"
        assert await agent.place(agent.unbound, new_call()) == UNKNOWN


async def test_a_binding_is_its_principal_s_alone(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """Bob, who knows an id of Ann's, neither uses up her binding nor replaces it, and his own is his."""
    async with logged_in(guarded.url, "ann", era) as client, logged_in(guarded.url, "bob", era) as other:
        ann, bob, call = Hooked(client, places[0]), Hooked(other, places[1]), new_call()
        await ann.bind(call)
        assert await bob.place(bob.unbound, call) == UNKNOWN
        assert not (await bob.bind(call)).is_error
        assert await ann.place(ann.unbound, call) == (str(places[0]), "call")
        early = new_call()
        await bob.bind(early)
        assert await ann.place(ann.unbound, early) == UNKNOWN
        assert await bob.place(bob.unbound, early) == (str(places[1]), "call")


async def test_naming_a_foreign_conversation_leads_nowhere(
    guarded: DrainingServer, era: Era, places: tuple[Path, Path]
) -> None:
    """Bob, who knows the id of Ann's conversation, has not her session: he neither reads nor changes what she set."""
    async with logged_in(guarded.url, "ann", era) as client, logged_in(guarded.url, "bob", era) as other:
        ann, bob = Hooked(client, places[0]), Hooked(other, places[0])
        await ann.call("set_working_directory", directory=str(places[1]))
        assert await ann.place() == (str(places[1]), "session")
        assert await bob.place() == (str(places[0]), "call")
        await bob.call("end_session")
        assert await ann.place() == (str(places[1]), "session")


async def test_a_binding_is_used_once(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """A call that is repeated with the same id is resolved as if there were no hook."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent, call = Hooked(client, places[0]), new_call()
        await agent.bind(call)
        assert await agent.place(agent.unbound, call) == (str(places[0]), "call")
        assert await agent.place(agent.unbound, call) == UNKNOWN


async def test_binding_again_changes_nothing(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """The first binding of a call stands; after the call has come, bound or not, none can be made."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent, call, late = Hooked(client, places[0]), new_call(), new_call()
        await agent.bind(call)
        assert not (await agent.bind(call, cwd=str(places[1]))).is_error
        assert await agent.place(agent.unbound, call) == (str(places[0]), "call")
        await agent.bind(call)
        assert await agent.place(agent.unbound, call) == UNKNOWN
        assert await agent.place(agent.unbound, late) == UNKNOWN
        await agent.bind(late)
        assert await agent.place(agent.unbound, late) == UNKNOWN


async def test_a_binding_ends_after_a_day(
    tmp_path: Path, era: Era, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person may take all day to permit a call, and no longer."""
    clock = FakeClock()

    def opened(*arguments: Any, **named: Any) -> Any:
        return open_services(*arguments, **named, clock=clock)

    monkeypatch.setattr(lifespan, "open_services", opened)
    async with served_here(tmp_path, hook_tool=True) as server, HttpClient(server.url, era) as client:
        agent, call, old = Hooked(client, places[0]), new_call(), new_call()
        await agent.bind(call)
        await agent.bind(old)
        clock.advance(LIFETIME)
        assert await agent.place(agent.unbound, call) == (str(places[0]), "call")
        clock.advance(1)
        assert await agent.place(agent.unbound, old) == UNKNOWN


@pytest.mark.parametrize(
    "wrong",
    [
        {"session": ""}, {"session": "a:b"}, {"session": "a/b"}, {"session": "${session_id}"}, {"session": "x" * 129},
        {"session": None}, {"session": 5}, {"session": ["a"]}, {"agent": "a/b"}, {"agent": "${agent_id}"},
        {"agent": "x" * 129}, {"agent_type": "a\nb"}, {"agent_type": "x" * 129}, {"agent_type": "\u2028"},
        {"call": ""}, {"call": "a b"}, {"call": "ü"}, {"call": "x" * 257}, {"call": None}, {"cwd": None},
        {"cwd": ""}, {"cwd": "relative"}, {"cwd": "${cwd}"}, {"cwd": "/a\0b"}, {"cwd": "/" + "x" * 4096},
        {"more": "than is asked for"},
    ],
)  # fmt: skip
async def test_a_malformed_binding_changes_nothing(
    guarded: DrainingServer, places: tuple[Path, Path], wrong: dict[str, Any]
) -> None:
    """It is refused in one line, and the call is resolved as if there were no hook."""
    async with logged_in(guarded.url, "ann") as client:
        agent, call = Hooked(client, places[0]), new_call()
        refused = await agent.bind(call, **wrong)
        assert refused.is_error
        assert refused.code == "ARGUMENT_INVALID" or refused.code.startswith(("DIRECTORY_", "VARIABLE_")), refused.text
        assert len(refused.text.splitlines()) == 1
        assert await agent.place(agent.unbound, call) == UNKNOWN


async def test_a_model_that_calls_the_hook_tool_changes_nothing(
    guarded: DrainingServer, era: Era, places: tuple[Path, Path]
) -> None:
    """What a model calls comes with an id of its own, and is refused."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent, call = Hooked(client, places[0]), new_call()
        arguments = {"session": "made-up", "cwd": str(places[1]), "call": call}
        refused = await agent.unbound(new_call(), "bind_call", **arguments)
        assert refused.code == "ARGUMENT_INVALID"
        assert await agent.place(agent.unbound, call) == UNKNOWN
        asked = {"event": "SessionStart", "session": "made-up", "cwd": str(places[1])}
        assert (await agent.unbound(new_call(), "describe_work", **asked)).code == "ARGUMENT_INVALID"


async def test_what_others_bind_displaces_nothing(
    tmp_path: Path, tokens_file: Path, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A principal that binds without end loses its own oldest bindings, and nobody else's."""
    monkeypatch.setattr(app, "Bindings", partial(Bindings, max_bindings=20))
    async with (
        served_here(tmp_path, tokens_file=tokens_file, hook_tool=True) as server,
        logged_in(server.url, "ann") as client,
        logged_in(server.url, "bob") as other,
    ):
        ann, bob, call, first = Hooked(client, places[0]), Hooked(other, places[1]), new_call(), new_call()
        await ann.bind(call)
        await bob.bind(first)
        for _ in range(20):
            await bob.bind(new_call())
        assert await bob.place(bob.unbound, first) == UNKNOWN
        assert await ann.place(ann.unbound, call) == (str(places[0]), "call")


async def test_a_directory_that_has_gone(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """The error names it; nothing else is tried in its place, but the client may set another."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent = Hooked(client, places[0])
        places[0].rmdir()
        refused = await agent.call("list_work_items")
        assert refused.code == "DIRECTORY_NOT_FOUND"
        assert str(places[0]) in refused.text
        assert not (await agent.call("set_working_directory", directory=str(places[1]))).is_error
        assert await agent.place() == (str(places[1]), "session")


async def test_setting_where_one_is_anyway(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """It stores nothing and forgets what was set: from then on the session follows the agent."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent = Hooked(client, places[0])
        await agent.call("set_working_directory", directory=str(places[1]))
        assert await agent.place() == (str(places[1]), "session")
        back = await agent.call("set_working_directory", directory=f"{places[0]}/.")
        assert (back.data["session"], back.data["directory_source"]) == (None, "call")
        sessions = (await client.call("health_check")).data["sessions"]
        assert sessions == 0
        agent.cwd = places[1]
        assert await agent.place() == (str(places[1]), "call")


async def test_a_subagent_has_a_session_of_its_own(
    guarded: DrainingServer, era: Era, places: tuple[Path, Path]
) -> None:
    """What a subagent sets leaves the main agent and its siblings where they are."""
    async with logged_in(guarded.url, "ann", era) as client:
        main, sub, sibling = (Hooked(client, places[0], agent=agent) for agent in ("", "a1", "a2"))
        await sub.call("set_working_directory", directory=str(places[1]))
        assert await sub.place() == (str(places[1]), "session")
        assert await main.place() == (str(places[0]), "call")
        assert await sibling.place() == (str(places[0]), "call")


async def test_a_handle_comes_first(guarded: DrainingServer, era: Era, places: tuple[Path, Path]) -> None:
    """A call that passes a handle is that session's; a bad handle is an error, bound or not."""
    async with logged_in(guarded.url, "ann", era) as client:
        agent = Hooked(client, places[0])
        answer = await agent.call("set_working_directory", directory=str(places[1]), new_session=True)
        handle = answer.data["session"]
        found = (await agent.call(session=handle)).data
        assert (found["directory"], found["directory_source"]) == (str(places[1]), "session")
        assert (await agent.call(session="made-up")).code == "SESSION_UNKNOWN"
        assert await agent.place() == (str(places[0]), "call")


async def test_a_hook_comes_before_headers_and_roots(tmp_path: Path, places: tuple[Path, Path]) -> None:
    """A client that also sends a header and has roots is not asked for them."""
    async with served_here(tmp_path, hook_tool=True) as server:
        for era in ERAS:
            header = (("X-Workflow-Directory", str(places[1])),)
            async with HttpClient(server.url, era, header, roots=lambda: [places[1].as_uri()]) as client:
                assert await Hooked(client, places[0]).place() == (str(places[0]), "call")
                assert client.asked == 0


async def test_a_binding_outlives_the_server(tmp_path: Path, places: tuple[Path, Path]) -> None:
    """A call that comes when the server has been started anew is still where its hook said, and once."""
    call, store = new_call(), SmallFiles(tmp_path / "calls")
    async with served_here(tmp_path, hook_tool=True, call_store=store) as server, HttpClient(server.url) as client:
        await Hooked(client, places[0]).bind(call)
    async with served_here(tmp_path, hook_tool=True, call_store=store) as server, HttpClient(server.url) as client:
        agent = Hooked(client, places[0])
        assert not (await agent.bind(call, cwd=str(places[1]))).is_error
        assert await agent.place(agent.unbound, call) == (str(places[0]), "call")
        assert await agent.place(agent.unbound, call) == UNKNOWN
    assert not list((tmp_path / "calls" / "bindings").iterdir())
