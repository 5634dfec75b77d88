"""A store over a real folder or database, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.support import DataPlace, open_store
from tests.support import FakeClock
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Project


@pytest.fixture
def clock() -> FakeClock:
    """The time of the store."""
    return FakeClock()


@pytest.fixture(params=["files", "database"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> DataPlace:
    """Where a store keeps its data: a data directory, then a PostgreSQL database; both keep the same contract."""
    found: DataPlace = tmp_path if request.param == "files" else request.getfixturevalue("database")
    return found


@pytest.fixture
async def store(place: DataPlace, clock: FakeClock) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(place, clock=clock) as opened:
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
