"""Completing and cancelling by the rules, as a client sees it, in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import Agent, agent_on, make_project
from tests.clients.protocol import Era


@pytest.fixture
async def strict(era: Era, tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent in a project whose config requires evidence."""
    async with agent_on(tmp_path, make_project(tmp_path, "strict", require_evidence=True), era=era) as agent:
        yield agent


async def completed(agent: Agent, **values: Any) -> str:
    """Complete item 1."""
    return await agent.told("update_work_items", updates=[{"id": 1, "status": "completed", **values}])


async def refused(agent: Agent, **values: Any) -> str:
    """The error for completing item 1."""
    updates = [{"id": 1, "status": "completed", **values}]
    return await agent.refused("EVIDENCE_REQUIRED", "update_work_items", updates=updates)


async def test_completing_requires_evidence(strict: Agent, tmp_path: Path) -> None:
    """At least one entry and all criteria met; the error says what is missing, and by which config it is required."""
    await strict.create("one", acceptance=["a", "b", "c"])
    error = await refused(strict)
    assert "#1 cannot be completed: it has no evidence and of its criteria, 1, 2, 3 are not met" in error
    assert str(tmp_path / "strict" / ".workflow-mcp" / "config.json") in error
    assert "completed: of its criteria, 2 is not met;" in await refused(strict, met=[1, 3], evidence=["commit 1a2b3c4"])
    assert "completed: it has no evidence;" in await refused(strict, met=[1, 2, 3])
    assert (await strict.item(1))["version"] == 1, "nothing of what was refused is stored"
    await completed(strict, met=[1, 2, 3], evidence=["commit 1a2b3c4"])
    assert (await strict.item(1))["state"] == "completed"


async def test_what_needs_no_evidence(strict: Agent) -> None:
    """Cancelling, and all other changes; and one without criteria needs none met."""
    await strict.create("one", "two")
    await strict.told("update_work_items", updates=[{"id": 2, "status": "cancelled"}, {"id": 1, "note": "n"}])
    await completed(strict, evidence=["tests: 3 passed"])
    update = [{"id": 2, "status": "completed"}]
    assert "#2 cannot be completed" in await strict.refused("EVIDENCE_REQUIRED", "update_work_items", updates=update)


async def test_only_in_the_project_of_the_config(strict: Agent, tmp_path: Path) -> None:
    """Another project that is worked in from there goes by its own config."""
    async with agent_on(tmp_path, make_project(tmp_path, "lax")) as lax:
        await lax.create("one")
    await strict.data("switch_project", project="lax")
    await completed(strict)


async def test_completing_and_cancelling_what_has_children(agent: Agent) -> None:
    """Completing is refused with the ids of what is unfinished; cancelling says how many went with it."""
    plan = [{"title": "epic", "ref": "e"}, {"title": "a", "parent": "e"}, {"title": "b", "parent": "e"}]
    await agent.told("create_work_items", items=plan)
    update = {"id": 1, "status": "completed"}
    error = await agent.refused("ITEM_UNFINISHED", "update_work_items", updates=[update])
    assert "#1 cannot be completed: below it, #2, #3 are unfinished." in error
    cancelled = await agent.told("update_work_items", updates=[{"id": 1, "status": "cancelled"}])
    assert cancelled.splitlines()[0].endswith("| updated 1 and cancelled 2 below it")
    await agent.told("update_work_items", updates=[{"id": 2, "status": "pending"}, {"id": 1, "status": "pending"}])
    forced = await agent.told("update_work_items", updates=[{**update, "force": True}])
    assert '#1 task p2 completed v4 "epic"' in forced
