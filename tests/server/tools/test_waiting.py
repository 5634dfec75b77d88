"""Waiting for an item through the tool: what an agent is told, and that its client can leave."""

from __future__ import annotations

import asyncio

from tests.clients.agents import Agent
from tests.support import BOUND

LONG = 50


async def test_a_claim_waits_for_what_becomes_ready(agent: Agent) -> None:
    """And gives it to one who waits."""
    one, two = await agent.create("one", "two")
    await agent.told("link_work_items", id=one, other=two, kind="blocks")
    await agent.data("claim_work_item", actor="ana")
    wait = asyncio.create_task(agent.data("claim_work_item", actor="bob", wait_seconds=LONG))
    await agent.finish(one, actor="ana")
    assert (await asyncio.wait_for(wait, BOUND))["item"]["id"] == two


async def test_a_wait_in_vain_says_why_and_that_it_can_go_on(agent: Agent) -> None:
    """How many items are in which state, or what one item waits for."""
    one, two = await agent.create("one", "two")
    await agent.told("link_work_items", id=one, other=two, kind="blocks")
    await agent.data("claim_work_item", actor="ana")
    found = await agent.data("claim_work_item", actor="bob", wait_seconds=1)
    assert found["item"] is None
    assert found["message"] == (
        "Nothing is ready for this: 0 ready, 1 in progress, 1 blocked, 0 done of 2. Waited 1 s; the same call waits on."
    )
    found = await agent.data("claim_work_item", id=two, actor="bob", wait_seconds=1)
    assert found["message"] == f"#{two} is not ready: it waits for #{one}. Waited 1 s; the same call waits on."


async def test_nobody_waits_longer_than_clients_do(agent: Agent) -> None:
    """Most give up after a minute."""
    await agent.refused("ARGUMENT_INVALID", "claim_work_item", actor="ana", wait_seconds=51)
    await agent.refused("ARGUMENT_INVALID", "claim_work_item", actor="ana", wait_seconds=-1)
