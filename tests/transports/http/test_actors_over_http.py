"""Who a client over HTTP is, where nothing tells it from others but a name it gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.clients.agents import Agent, ids_in, make_project
from tests.clients.http import HttpClient
from tests.clients.protocol import MODERN

if TYPE_CHECKING:
    from tests.clients.peers import Peer


async def test_what_is_mine_needs_a_name(url: str, tmp_path: Path) -> None:
    """A client without identity is asked for an actor, and not told that it holds nothing."""
    header = ("X-Workflow-Directory", str(make_project(tmp_path, "named")))
    async with HttpClient(url, MODERN, (header,)) as client:
        agent = Agent(cast("Peer", client))
        await agent.create("one", "two")
        await agent.data("claim_work_item", actor="ana")
        refusal = await agent.refused("ACTOR_REQUIRED", "list_work_items", view="mine")
        assert 'call list_work_items(view="mine", actor="' in refusal
        assert ids_in(await agent.told("list_work_items", view="mine", actor="ana")) == [1]
        assert ids_in(await agent.told("list_work_items", view="mine", assignee="ana")) == [1]
        await agent.refused("ACTOR_REQUIRED", "claim_work_item")


async def test_work_in_progress_needs_a_name(url: str, tmp_path: Path) -> None:
    """A client without identity that puts an item in progress is asked whose it is; for somebody it may."""
    header = ("X-Workflow-Directory", str(make_project(tmp_path, "started")))
    async with HttpClient(url, MODERN, (header,)) as client:
        agent = Agent(cast("Peer", client))
        await agent.create("one", "two")
        start = {"id": 1, "status": "in_progress"}
        refusal = await agent.refused("ACTOR_REQUIRED", "update_work_items", updates=[start])
        assert 'actor="' in refusal
        assert "@ana" in await agent.told("update_work_items", updates=[start], actor="ana")
        assert "@bob" in await agent.told("update_work_items", updates=[{**start, "id": 2, "assignee": "bob"}])
