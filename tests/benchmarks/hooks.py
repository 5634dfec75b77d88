"""How long the commands take that Claude Code runs by itself, beside a Python that does nothing.

    python tests/benchmarks/hooks.py [ROUNDS]

`workflow-mcp hook` runs at each start of a session, `workflow-mcp statusline` many times an hour; in a project
with 2 000 work items, and where there is no project. They alternate, so that what else the machine does falls on all
alike. Prints medians and the ratio to `python -c pass`; asserts nothing, for timings are the machine's too.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from statistics import median

from workflow_mcp.sessions.actors import actor_name
from workflow_mcp.storage.sqlite.store import sqlite_store
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.work.values import Actor, NewItem, Project

ROUNDS = 31
ITEMS = 2_000
HELD = 3
SESSION = "0d1610cf-63f7-41e8-a8e0-b99e456fbab0"
PROJECT = Project("eca49f13-f342-4958-95a0-d7b9ba2a42eb", "codebase-mcp")
COMMAND = [sys.executable, "-m", "workflow_mcp"]
TARGETS = {"hook, in a project": 0.30, "hook, without one": 0.15, "statusline, in a project": 0.15}


async def fill(data_dir: Path) -> None:
    """A project with many items, some of them the session's."""
    threads, actor = WorkerThreads(), Actor(actor_name(SESSION), "/work")
    try:
        async with sqlite_store(data_dir, threads=threads) as store:
            for start in range(0, ITEMS, 100):
                batch = [NewItem(f"Item number {start + number}") for number in range(100)]
                await store.create_items(PROJECT, batch, actor)
            for _ in range(HELD):
                await store.claim_item(PROJECT, actor, lease=timedelta(hours=1))
    finally:
        threads.close()


def took(command: list[str], cwd: Path, env: dict[str, str]) -> tuple[float, int]:
    """Seconds that a command takes as Claude Code runs it, and how many bytes it prints."""
    given = json.dumps({"session_id": SESSION, "cwd": str(cwd), "source": "startup"})
    started = time.perf_counter()
    done = subprocess.run(command, input=given, cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=True)
    return time.perf_counter() - started, len(done.stdout.encode())


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        base, inside = Path(folder), Path(folder, "codebase-mcp")
        (inside / ".workflow-mcp").mkdir(parents=True)
        config = {"project": {"name": PROJECT.name, "id": PROJECT.id}}
        (inside / ".workflow-mcp" / "config.json").write_text(json.dumps(config))
        asyncio.run(fill(base / "data"))
        env = {"PATH": os.defpath, "HOME": folder, "WORKFLOW_MCP_DATA_DIR": str(base / "data")}
        runs = {
            "python -c pass": ([sys.executable, "-c", "pass"], inside),
            "hook, in a project": ([*COMMAND, "hook"], inside),
            "hook, without one": ([*COMMAND, "hook"], base),
            "statusline, in a project": ([*COMMAND, "statusline"], inside),
        }
        for turn in range(rounds + 1):  # the first is not counted: files get cached, bytecode written
            for name, (command, cwd) in runs.items():
                seconds, sizes[name] = took(command, cwd, env)
                times[name] += [seconds] if turn else []
    nothing = median(times["python -c pass"])
    print(f"median of {rounds}, alternating; {ITEMS} work items:")
    for name, measured in times.items():
        at_most = f"   at most {TARGETS[name]:.2f} s" if name in TARGETS else ""
        figures = f"{median(measured):.3f} s   ratio {median(measured) / nothing:.1f}"
        print(f"  {name:<26} {figures}   {sizes[name]} bytes{at_most}")


if __name__ == "__main__":
    main()
