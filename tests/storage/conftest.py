"""A store over a real folder, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.support import open_store
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Project


@pytest.fixture
def clock() -> FakeClock:
    """The time of the store."""
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def project() -> Project:
    """A project."""
    return Project("11111111-1111-4111-8111-111111111111", "one")


@pytest.fixture
def other() -> Project:
    """Another project."""
    return Project("22222222-2222-4222-8222-222222222222", "two")


@pytest.fixture
def ana() -> Actor:
    """Somebody."""
    return Actor("ana", "/home/ana/work")


@pytest.fixture
def bob() -> Actor:
    """Somebody else."""
    return Actor("bob", "/home/bob/work")
