"""What an import costs others: `python tests/benchmarks/imports.py [items]`: memory, and how long writers wait."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from uuid import uuid4

from tests.benchmarks.store import ACTOR, item
from tests.clients.agents import make_project
from tests.clients.stdio import environment
from tests.storage.support import open_store
from workflow_mcp.work.values import NewItem, Project

ITEMS = 100_000
AT = "2026-07-28T12:00:00+00:00"

Begin = Callable[[], Awaitable[asyncio.subprocess.Process]]


def records(count: int) -> Iterator[dict[str, object]]:
    """An export of so many ordinary items."""
    yield {"kind": "project", "format": 2, "id": str(uuid4()), "name": "exported"}
    for number in range(1, count + 1):
        new = item(number)
        yield {
            "kind": "item", "id": number, "title": new.title, "description": new.description, "item_type": "task",
            "status": "pending", "priority": new.priority, "assignee": None, "lease_seconds": None, "hidden_by": 0,
            "claim_expires_at": None, "created_at": AT, "updated_at": AT, "completed_at": None,
            "labels": list(new.labels), "parent": None, "version": 1, "created_by": "ana",
        }  # fmt: skip
    yield {"kind": "end", "items": count, "links": 0, "notes": 0, "events": 0}


async def write_beside(data_dir: Path, project: Project, begin: Begin) -> list[float]:
    """The milliseconds that each write took while the import ran."""
    waits: list[float] = []
    async with open_store(data_dir) as store:
        await store.create_items(project, [NewItem("before")], ACTOR)
        importing = await begin()
        while importing.returncode is None:
            start = time.perf_counter()
            await store.create_items(project, [NewItem("beside")], ACTOR)
            waits.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(0.01)
    return waits


async def main(count: int) -> None:
    """Print the time and the memory of an import, and the waits of a writer in another process."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        file, directory = base / "all.jsonl", make_project(base, "two")
        with file.open("w") as lines:
            lines.writelines(f"{json.dumps(record)}\n" for record in records(count))
        config = json.loads((directory / ".workflow-mcp" / "config.json").read_text())
        project = Project(config["project"]["id"], "two")
        begun = time.perf_counter()

        async def start_import() -> asyncio.subprocess.Process:
            command = (sys.executable, "-m", "workflow_mcp", "import", str(file))
            nowhere = asyncio.subprocess.DEVNULL
            return await asyncio.create_subprocess_exec(*command, cwd=directory, env=environment(base), stdout=nowhere)

        waits = await write_beside(base / "data", project, start_import)
        took = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{count} items in {took:.1f} s, {memory:.0f} MB; {os.cpu_count()} cores")
    print(f"{len(waits)} writes beside it: median {median(waits):.1f} ms, longest {max(waits):.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else ITEMS))
