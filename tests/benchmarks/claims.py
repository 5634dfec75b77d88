"""Claims per second of 16 agents in one project, by turns: `python tests/benchmarks/claims.py [items]`.

In files; in PostgreSQL, each claim alone with the project's lock; and in PostgreSQL as it is, beside other claims.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import TypeVar
from uuid import uuid4

from tests.clients.postgresql import own_server
from tests.storage.stores import DataPlace, open_store
from workflow_mcp.storage.postgresql.database import PostgresqlDatabase
from workflow_mcp.storage.store import Store
from workflow_mcp.storage.transactions import Work
from workflow_mcp.work.values import Actor, NewItem, Project

AGENTS, ITEMS, ROUNDS = 16, 300, 3
WRITE = PostgresqlDatabase.write
T = TypeVar("T")


async def alone(database: PostgresqlDatabase, work: Work[T], *, beside: bool = False) -> T:
    """A write that never runs beside another."""
    return await WRITE(database, work)


async def rate(stores: list[Store], items: int) -> float:
    """How many are claimed in a second until there are none left; each is claimed once."""
    project = Project(str(uuid4()), "bench")
    for start in range(0, items, 100):
        await stores[0].create_items(project, [NewItem(f"i{start + n}") for n in range(100)], Actor("x", "/"))

    async def agent(number: int) -> list[int]:
        taken, store = [], stores[number % len(stores)]
        while (claimed := await store.claim_item(project, Actor(f"a{number}", "/"))) is not None:
            taken.append(claimed.item.id)
        return taken

    began = time.perf_counter()
    found = await asyncio.gather(*map(agent, range(AGENTS)))
    seconds = time.perf_counter() - began
    assert sorted(one for own in found for one in own) == list(range(1, items + 1))
    return items / seconds


async def main(items: int) -> None:
    """Print the medians and their ratios."""
    kinds: dict[str, list[float]] = {"files": [], "PostgreSQL, alone": [], "PostgreSQL, beside": []}
    with tempfile.TemporaryDirectory() as folder, own_server() as server:
        for _ in range(ROUNDS):
            for kind, rates in kinds.items():
                place: DataPlace = Path(folder) if kind == "files" else server.shared
                PostgresqlDatabase.write = alone if kind == "PostgreSQL, alone" else WRITE  # type: ignore[method-assign,assignment]
                async with AsyncExitStack() as stack:
                    rates.append(await rate([await stack.enter_async_context(open_store(place))], items))
    base = median(kinds["PostgreSQL, alone"])
    for kind, rates in kinds.items():
        print(f"{kind:20} {median(rates):6.0f} claims/s {median(rates) / base:5.2f} x")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS))
