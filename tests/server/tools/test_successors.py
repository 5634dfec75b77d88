"""Agents of Claude Code as holders of work: told apart, and after `/clear` at work on what the last one held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import ids_in, make_project
from tests.clients.hooked import Hooked
from tests.clients.http import HttpClient
from tests.clients.served import served_here
from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.work.values import Actor

FIRST, SECOND, FORK = "conversation-1", "conversation-2", "conversation-3"


@dataclass
class Window:
    """One Claude Code process at work in a project: a handshake-era connection tells it from others."""

    agent: Hooked

    def talking(self, session: str, agent: str = "", agent_type: str = "") -> Hooked:
        """An agent of one of its conversations."""
        return replace(self.agent, session=session, agent=agent, agent_type=agent_type)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server that has the hook tool."""
    async with served_here(tmp_path, hook_tool=True) as server:
        yield server.url


@pytest.fixture
async def window(tmp_path: Path, url: str) -> AsyncIterator[Window]:
    """A window in a project with four ready items."""
    project = make_project(tmp_path, "shop")
    async with HttpClient(url, "legacy") as client:
        agent = Hooked(client, project, FIRST)
        await agent.call("create_work_items", items=[{"title": f"item {number}"} for number in range(4)])
        yield Window(agent)


async def held(agent: Hooked, **arguments: int) -> dict[str, Any]:
    """The item that an agent claims."""
    answer = await agent.call("claim_work_item", **arguments)
    assert not answer.is_error, answer.text
    item: dict[str, Any] = answer.data["item"]
    return item


async def test_agents_are_told_apart(window: Window) -> None:
    """The main agent and two subagents of one kind claim different items, and lists and events tell whose each is."""
    agents = [window.talking(FIRST), *(window.talking(FIRST, agent, "general-purpose") for agent in ("a1", "a2"))]
    items = [await held(agent) for agent in agents]
    assert len({item["id"] for item in items}) == 3
    main = actor_name(FIRST)
    names = [item["assignee"] for item in items]
    assert names == [main, *(actor_name(FIRST, agent, "general-purpose") for agent in ("a1", "a2"))]
    assert all(name.startswith(f"{main}/general-purpose-") for name in names[1:])
    listed = (await agents[0].call("list_work_items", view="open")).text
    holders = [line.rpartition("@")[2] for line in listed.splitlines() if "in_progress" in line]
    assert len(set(holders)) == 3, listed
    for item, name in zip(items, names, strict=True):
        detail = (await agents[0].call("get_work_item", id=item["id"])).data
        assert f" {name} claimed " in detail["events"][-1]
    foreign = await agents[2].call("update_work_items", updates=[{"id": items[1]["id"], "status": "completed"}])
    assert foreign.code == "ITEM_CLAIMED"
    mine = (await agents[1].call("list_work_items", view="mine")).text
    assert ids_in(mine) == [items[1]["id"]]


async def test_the_next_conversation_goes_on(window: Window) -> None:
    """After `/clear` it is told what the last one and its subagents hold, and has it without waiting for the lease."""
    old, sub = window.talking(FIRST), window.talking(FIRST, "a1", "Explore")
    one, two = await held(old), await held(sub)
    new = window.talking(SECOND)
    three = await new.call("claim_work_item")
    assert f"Still held by the conversation before this one: #{one['id']}, #{two['id']}. " in three.data["message"]
    assert ids_in((await new.call("list_work_items", view="mine")).text) == [1, 2, 3]
    taken = await held(new, id=one["id"])
    assert taken["assignee"] == actor_name(SECOND)
    done = await new.call("update_work_items", updates=[{"id": two["id"], "note": "I go on with this"}])
    assert not done.is_error, done.text
    item = (await new.call("get_work_item", id=two["id"])).data["item"]
    assert item["assignee"] == actor_name(SECOND)
    finished = await new.call("update_work_items", updates=[{"id": two["id"], "status": "completed"}])
    assert not finished.is_error, finished.text
    assert "Still held" not in (await new.call("claim_work_item")).data["message"]


async def test_nobody_else_goes_on(window: Window, url: str) -> None:
    """Not another window's conversation, not a fork in another process, not an actor of another name."""
    one = await held(window.talking(FIRST))
    await window.talking(SECOND).call()
    async with HttpClient(url, "legacy") as client:
        other = replace(window.agent, client=client, session=FORK)
        assert (await other.call("claim_work_item", id=one["id"])).code == "ITEM_CLAIMED"
        assert "Still held" not in (await other.call("claim_work_item")).data["message"]
    named = await window.talking(SECOND).call("claim_work_item", id=one["id"], actor="ana")
    assert named.code == "ITEM_CLAIMED"
    assert not (await window.talking(SECOND).call("claim_work_item", id=one["id"])).is_error


async def test_nothing_identifies_a_process_over_http_without_a_handshake(window: Window, url: str) -> None:
    """On 2026-07-28 over HTTP a conversation follows no other, and the lease decides."""
    async with HttpClient(url) as client:
        old = replace(window.agent, client=client, session="old")
        one = await held(old)
        new = replace(old, session="new")
        assert (await new.call("claim_work_item", id=one["id"])).code == "ITEM_CLAIMED"


@pytest.mark.parametrize(
    ("assignee", "own"),
    [
        ("me", True), ("claude-1", True), ("claude-1/x-1", True), ("claude-1x", False), ("claude-", False),
        ("me/x", False), ("", False), (None, False), ("other", False),
    ],
)  # fmt: skip
def test_whose_work_an_actor_owns(assignee: str | None, own: bool) -> None:
    """Its own, and that of those it succeeds and of their subagents."""
    assert Actor("me", "/", ("claude-1", "claude-2")).owns(assignee) is own
