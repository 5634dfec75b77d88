"""How soon the board's page is painted, from the click on its address, on this machine.

    python -m tests.benchmarks.board_page [--rounds 9]

Prints the median until the first paint that shows cards: of an empty project, which is the baseline, of 500 items,
where the bar is 0.5 s, and of 5 000; each with an empty cache and a new key (cold), and when it is loaded again (warm);
and how long a change takes from the answer to its tool until it is painted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from playwright.async_api import Page

from tests.board.browsers import PATIENCE_MS, SIZE, Boards, chromium
from tests.clients.agents import make_project
from tests.clients.served import serving

PAINTED = """
new MutationObserver((_changes, observer) => {
  if (!document.querySelector(".card, .empty")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


async def project_of(boards: Boards, base: Path, size: int) -> Path:
    """The folder of a project with so many items, a part of them finished."""
    folder = make_project(base, f"items-{size}")
    async with boards.agent(folder) as agent:
        for start in range(0, size, 100):
            items = [{"title": f"Item {n} with a title of a usual length", "labels": ["web"]} for n in range(100)]
            await agent.told("create_work_items", items=items)
            await agent.finish(*range(start + 1, start + 51))
    return folder


async def first_paints(boards: Boards, folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds from the start of the navigation until cards are painted: with an empty cache, and again."""
    found = []
    for _ in range(rounds):
        context = await boards.browser.new_context(viewport=SIZE)
        page = await context.new_page()
        await page.add_init_script(PAINTED)
        await page.goto(boards.page_url(await boards.key_for(folder)))
        cold = await painted(page)
        await page.reload()
        found.append((cold, await painted(page)))
        await context.close()
    return found


async def painted(page: Page) -> float:
    """When cards were painted."""
    await page.wait_for_function("() => window.painted", timeout=PATIENCE_MS)
    return float(await page.evaluate("() => window.painted"))


async def changes_seen(boards: Boards, folder: Path, rounds: int) -> list[float]:
    """Milliseconds from the answer to a tool's change until an open board has painted it."""
    found = []
    async with boards.agent(folder) as agent, boards.open(folder) as board:
        for n in range(rounds):
            await agent.told("update_work_items", updates=[{"id": 51, "title": f"Title {n}"}])
            start = time.perf_counter()
            await board.page.get_by_text(f"Title {n}", exact=True).wait_for()
            found.append((time.perf_counter() - start) * 1000)
    return found


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as base, serving(Path(base, "home")) as served:
        async with chromium() as browser:
            boards = Boards(served.url, browser)
            baseline = 0.0
            for size in (0, 500, 5000):
                folder = await project_of(boards, Path(base), size)
                paints = zip(*await first_paints(boards, folder, rounds), strict=True)
                cold, warm = (statistics.median(one) for one in paints)
                baseline = baseline or cold
                times = f"{cold:4.0f} ms cold, {warm:4.0f} ms warm"
                print(f"{size:5} items: first paint {times}, {cold / baseline:.2f} x that of none")
            seen = await changes_seen(boards, folder, rounds)
            print(f"{size:5} items: a change is painted after {statistics.median(seen):.0f} to {max(seen):.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
