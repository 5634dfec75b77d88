"""What the store costs as it fills: `python tests/benchmarks/store.py [sizes…]`, medians in milliseconds and ratios."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from uuid import uuid4

from workflow_mcp.store import Actor, ItemQuery, ItemUpdate, NewItem, ProjectRef, Store

SIZES = (100, 10_000, 100_000)
ROUNDS = 60
ACTOR = Actor("bench", "/bench")
WORDS = ("login", "cache", "parser", "export", "index", "retry", "layout", "search", "token", "queue")


def item(number: int) -> NewItem:
    """An ordinary item: a title, some hundred characters of description, a label."""
    word = WORDS[number % len(WORDS)]
    return NewItem(
        f"Fix the {word} of part {number}",
        description=f"When part {number} is used, its {word} does what nobody wants. " * 4,
        priority=1 + number % 4,
        labels=(word,),
    )


async def fill(store: Store, project: ProjectRef, size: int) -> None:
    """Create so many items, every tenth of them finished."""
    for start in range(0, size, 100):
        created = await store.create_items(project, [item(start + n) for n in range(min(100, size - start))], ACTOR)
        finished = [ItemUpdate(one.id, status="completed") for one in created[::10]]
        await store.update_items(project, finished, ACTOR)


async def milliseconds(work: Callable[[int], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """The median time that `work` takes."""
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        await work(number)
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


async def tree(store: Store, project: ProjectRef) -> int:
    """Create an epic with 999 items below it, on three levels; its id."""
    root = (await store.create_items(project, [NewItem("Tree", item_type="epic")], ACTOR))[0].id
    for branch in range(9):
        plan = [NewItem(f"Branch {branch}", parent=root, ref="branch")]
        plan += [NewItem(f"Leaf {branch}.{leaf}", parent="branch") for leaf in range(99)]
        await store.create_items(project, plan, ACTOR)
    await store.create_items(project, [NewItem(f"Twig {number}", parent=root) for number in range(99)], ACTOR)
    return root


async def measure(size: int) -> dict[str, float]:
    """The medians at one size."""
    project = ProjectRef(str(uuid4()), f"bench {size}")
    with tempfile.TemporaryDirectory() as folder:
        async with Store(Path(folder)) as store:
            start = time.perf_counter()
            await fill(store, project, size)
            found = {"(fill, s)": time.perf_counter() - start}
            found |= await measure_calls(store, project, size)
        found["(file, MB)"] = sum(file.stat().st_size for file in Path(folder).rglob("*.db")) / 1e6
    return found


async def measure_calls(store: Store, project: ProjectRef, size: int) -> dict[str, float]:
    """The medians of the calls on a project that is filled."""
    someone = [await store.create_items(project, [item(0)], ACTOR) for _ in range(ROUNDS)]
    found = {
        "create": await milliseconds(lambda n: store.create_items(project, [item(n)], ACTOR)),
        "claim": await milliseconds(lambda _: store.claim_item(project, ACTOR)),
        "update": await milliseconds(
            lambda n: store.update_items(project, [ItemUpdate(someone[n][0].id, title=f"Changed {n}")], ACTOR)
        ),
        "list ready": await milliseconds(lambda _: store.list_items(project, ItemQuery("ready"))),
        "list open": await milliseconds(lambda _: store.list_items(project, ItemQuery("open"))),
        "list label": await milliseconds(lambda _: store.list_items(project, ItemQuery("ready", label="cache"))),
        "search common": await milliseconds(lambda _: store.list_items(project, ItemQuery("open", text="cache"))),
        "search rare": await milliseconds(
            lambda n: store.list_items(project, ItemQuery("all", text=f"PART {size - n - 1} does")), rounds=9
        ),
        "get": await milliseconds(lambda n: store.get_item(project, 1 + n)),
    }
    start = time.perf_counter()
    root = await tree(store, project)
    found["tree: create 1000"] = (time.perf_counter() - start) * 1000
    found["tree: get root"] = await milliseconds(lambda _: store.get_item(project, root), rounds=15)
    return found


async def main(sizes: tuple[int, ...]) -> None:
    """Print a table: a row for each call, a column for each size, and what it costs compared to the first."""
    columns = {size: await measure(size) for size in sizes}
    first = columns[sizes[0]]
    print(f"{'ms (median)':20}" + "".join(f"{size:>20}" for size in sizes))
    for name, value in first.items():
        cells = [columns[size][name] for size in sizes]
        print(f"{name:20}" + "".join(f"{cell:12.2f} x{cell / value:<6.2f}" for cell in cells))


if __name__ == "__main__":
    asyncio.run(main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES))
