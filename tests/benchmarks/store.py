"""What the store costs as it fills: `python tests/benchmarks/store.py [sizes…]`, medians in milliseconds and ratios."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from uuid import uuid4

from tests.storage.support import open_store
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project

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


async def fill(store: Store, project: Project, size: int) -> None:
    """Create so many items, every tenth of them finished."""
    for start in range(0, size, 100):
        created = await store.create_items(project, [item(start + n) for n in range(min(100, size - start))], ACTOR)
        finished = [ItemUpdate(one.id, status="completed") for one in created.items[::10]]
        await store.update_items(project, finished, ACTOR)


Call = Callable[[Project, int], Awaitable[object]]


async def medians(projects: Sequence[Project], call: Call, rounds: int = ROUNDS) -> list[float]:
    """The median milliseconds of a call in each project; by turns, so that what else the machine does hits all."""
    times: list[list[float]] = [[] for _ in projects]
    for number in range(rounds):
        for own, project in zip(times, projects, strict=True):
            start = time.perf_counter()
            await call(project, number)
            own.append((time.perf_counter() - start) * 1000)
    return [median(own) for own in times]


async def tree(store: Store, project: Project) -> int:
    """Create an epic with 999 items below it, on three levels; its id."""
    root = (await store.create_items(project, [NewItem("Tree", item_type="epic")], ACTOR)).items[0].id
    for branch in range(9):
        plan = [NewItem(f"Branch {branch}", parent=root, ref="branch")]
        plan += [NewItem(f"Leaf {branch}.{leaf}", parent="branch") for leaf in range(99)]
        await store.create_items(project, plan, ACTOR)
    await store.create_items(project, [NewItem(f"Twig {number}", parent=root) for number in range(99)], ACTOR)
    return root


async def fill_nested(store: Store, project: Project, size: int) -> None:
    """Create so many items: features with 99 tasks below each, of which all wait that are below every second feature.

    It waits for the feature before it. A hundred features make an epic.
    """
    epic, before = 0, 0
    for number in range(size // 100):
        if number % 100 == 0:
            epic = (await store.create_items(project, [NewItem(f"Epic {number}", item_type="epic")], ACTOR)).items[0].id
        blockers = (before,) if number % 2 else ()
        plan = [NewItem(f"Feature {number}", item_type="feature", parent=epic, ref="feature", depends_on=blockers)]
        plan += [NewItem(f"Task {number}.{task}", parent="feature", priority=task % 5) for task in range(99)]
        before = (await store.create_items(project, plan, ACTOR)).items[0].id


async def measure_nested(store: Store, projects: Sequence[Project]) -> dict[str, list[float]]:
    """The medians of the calls, in the projects that are filled with nested items."""

    def listing(view: str) -> Call:
        return lambda project, _: store.list_items(project, ItemQuery(view))

    return {
        "nested: list ready": await medians(projects, listing("ready"), 20),
        "nested: list blocked": await medians(projects, listing("blocked"), 20),
        "nested: tree": await medians(projects, lambda project, _: store.list_tree(project, ItemQuery("tree")), 10),
        "nested: claim": await medians(projects, lambda project, _: store.claim_item(project, ACTOR), 20),
        "nested: get an epic": await medians(projects, lambda project, _: store.get_item(project, 1), 10),
    }


async def measure(store: Store, projects: Sequence[Project]) -> dict[str, list[float]]:
    """The medians of the calls, in the projects that are filled."""
    someone = {
        one.id: [(await store.create_items(one, [item(0)], ACTOR)).items[0].id for _ in range(ROUNDS)]
        for one in projects
    }

    def change(project: Project, number: int) -> Awaitable[object]:
        return store.update_items(project, [ItemUpdate(someone[project.id][number], title=f"Changed {number}")], ACTOR)

    def listing(view: str, **filters: str) -> Call:
        return lambda project, _: store.list_items(project, ItemQuery(view, **filters))  # type: ignore[arg-type]

    roots: dict[str, int] = {}

    def delete_and_restore(count: int) -> Call:
        async def delete(project: Project, round_: int) -> None:
            start = 1 + round_ * count % 100
            await store.delete_items(project, range(start, start + count), ACTOR)
            await store.delete_items(project, range(start, start + count), ACTOR, restore=True)

        return delete

    async def plant(project: Project, _: int) -> None:
        roots[project.known_id] = await tree(store, project)

    return {
        "create": await medians(projects, lambda project, n: store.create_items(project, [item(n)], ACTOR)),
        "claim": await medians(projects, lambda project, _: store.claim_item(project, ACTOR)),
        "update": await medians(projects, change),
        "list ready": await medians(projects, listing("ready")),
        "list open": await medians(projects, listing("open")),
        "list ready, label": await medians(projects, listing("ready", label="cache")),
        "search, many found": await medians(projects, listing("open", text="cache"), 15),
        "search, one found": await medians(projects, listing("all", text="the QUEUE of part 99 does"), 15),
        "search, none found": await medians(projects, listing("all", text="zebra queue"), 15),
        "search, two letters": await medians(projects, listing("all", text="qz"), 15),
        "delete, restore 1": await medians(projects, delete_and_restore(1), 15),
        "delete, restore 100": await medians(projects, delete_and_restore(100), 5),
        "get": await medians(projects, lambda project, n: store.get_item(project, 1 + n)),
        "tree of 1000: create": await medians(projects, plant, 3),
        "tree of 1000: get": await medians(
            projects, lambda project, _: store.get_item(project, roots[project.known_id]), 15
        ),
    }


async def main(sizes: tuple[int, ...]) -> None:
    """Print a table: a row for each call, a column for each size, and what it costs compared to the first."""
    projects = [Project(str(uuid4()), f"bench {size}") for size in sizes]
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder)) as store:
            for size, project in zip(sizes, projects, strict=True):
                await fill(store, project, size)
            os.sync()
            rows = await measure(store, projects)
            nested = [Project(str(uuid4()), f"nested {size}") for size in sizes]
            for size, project in zip(sizes, nested, strict=True):
                await fill_nested(store, project, size)
            rows |= await measure_nested(store, nested)
        files = [Path(folder, "projects", f"{project.id}.db").stat().st_size / 1e6 for project in projects]
    print(f"{'ms (median)':22}" + "".join(f"{size:>19}" for size in sizes))
    for name, cells in {**rows, "(file, MB)": files}.items():
        print(f"{name:22}" + "".join(f"{cell:11.2f} x{cell / cells[0]:<6.2f}" for cell in cells))


if __name__ == "__main__":
    asyncio.run(main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES))
