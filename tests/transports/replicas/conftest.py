"""Several servers on one database, behind a load balancer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.databases import Database
from tests.clients.round_robin import RoundRobin, round_robin
from tests.clients.served import served_here

Replicas = Callable[..., AbstractAsyncContextManager[RoundRobin]]


@pytest.fixture
def replicas(database: Database, tmp_path: Path) -> Replicas:
    """Starts three servers in this event loop, which share nothing but the database; gives what is in front of them."""

    @asynccontextmanager
    async def started(count: int = 3, **settings: Any) -> AsyncIterator[RoundRobin]:
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(
                    served_here(tmp_path / f"replica-{number}", database_url=database.url, **settings)
                )
                for number in range(count)
            ]
            yield await stack.enter_async_context(round_robin([server.url for server in servers]))

    return started
