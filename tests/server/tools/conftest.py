"""Agents of both eras, each at work in a project of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.agents import Agent, agent_on, make_project
from tests.clients.stdio import ERAS, Era

PROJECT = "codebase-mcp"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both eras, one after the other."""
    value: Era = request.param
    return value


@pytest.fixture
async def agent(era: Era, tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent in memory, at work in the project `codebase-mcp`."""
    async with agent_on(tmp_path, make_project(tmp_path, PROJECT), era=era) as at_work:
        yield at_work
