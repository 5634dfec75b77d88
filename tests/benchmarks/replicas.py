"""What servers on one PostgreSQL database do beside one on SQLite files, over HTTP, in one run.

    python -m tests.benchmarks.replicas [--seconds 4] [--clients 12] [--rounds 3]

Each round measures, one after the other: a server on SQLite; then 1, 2 and 3 servers on PostgreSQL, whose clients send
each request to the next one. Prints medians over the rounds, and ratios to SQLite in the same round:

- `p50`: one client alone, a data call (claim, update, get and list in turn). The bar is 2 x SQLite's.
- `calls/s`: all clients at once, `list_work_items`, each in one of four projects.
- `claims/s`: all clients at once, `claim_work_item` of the first that is ready, in one project.

What bounds it: on a machine with two processors the clients, the servers and PostgreSQL share these two, so a second
and a third server find no processor that is free, and make nothing faster. They are for machines of their own, and for
restarts that nobody notices. Claims of the first ready item run beside each other, other changes of a project do not.
PostgreSQL runs here as it is installed (fsync and synchronous commits on), on the same disk as the SQLite files.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.clients.agents import make_project
from tests.clients.http import Connection, HttpClient
from tests.clients.postgresql import own_server
from tests.clients.protocol import Answer
from tests.clients.served import serving

ITEMS = 100
WARM_UP = 20
PROJECTS = 4

Figures = dict[str, float]


class Rotating(HttpClient):
    """A client that sends each request to the next server, on connections that stay open."""

    def among(self, urls: Sequence[str], start: int) -> None:
        """Use these servers, beginning with this one."""
        self._connections = itertools.cycle([Connection(urls[(start + n) % len(urls)]) for n in range(len(urls))])

    async def call(self, tool: str, **arguments: object) -> Answer:
        """See `HttpClient`."""
        self.connection = next(self._connections)
        return checked(await super().call(tool, **arguments))

    async def close(self, servers: int) -> None:
        """Close all its connections."""
        for _ in range(servers):
            await next(self._connections).close()


Call = Callable[[Rotating, int], Awaitable[object]]


def checked(answer: Answer) -> Answer:
    """An answer that is no error: figures of refusals would mean nothing."""
    if answer.is_error:
        raise ValueError(answer.text)
    return answer


def client_in(folder: Path, urls: Sequence[str], number: int = 0) -> Rotating:
    """A client that works in a folder."""
    client = Rotating(urls[0], headers=(("X-Workflow-Directory", str(folder)),))
    client.among(urls, number)
    return client


async def fill(client: Rotating, count: int) -> None:
    """Create items."""
    for _ in range(count // ITEMS):
        await client.call("create_work_items", items=[{"title": f"item {number}"} for number in range(ITEMS)])


async def p50(folder: Path, urls: Sequence[str], rounds: int = 60) -> float:
    """The median time of a data call, in milliseconds, over the kinds of calls in equal numbers."""
    client, times = client_in(folder, urls), list[float]()
    await fill(client, ITEMS)

    async def timed(tool: str, **arguments: object) -> Answer:
        before = time.perf_counter()
        answer = await client.call(tool, **arguments)
        times.append((time.perf_counter() - before) * 1000)
        return answer

    for turn in range(WARM_UP + rounds):
        if turn == WARM_UP:
            times.clear()
        claimed = await timed("claim_work_item", actor="bench")
        item = int(claimed.text.partition("#")[2].partition(" ")[0])
        await timed("update_work_items", updates=[{"id": item, "note": "begun"}], actor="bench")
        await timed("get_work_item", id=item)
        await timed("list_work_items", limit=20)
    await client.close(len(urls))
    return median(times)


async def rate(
    clients: Sequence[Rotating], call: Callable[[Rotating, int], Awaitable[object]], seconds: float
) -> float:
    """How many calls a second all clients make together."""
    made, ends = 0, time.perf_counter() + seconds

    async def work(client: Rotating, number: int) -> None:
        nonlocal made
        while time.perf_counter() < ends:
            await call(client, number)
            made += 1

    begin = time.perf_counter()
    await asyncio.gather(*(work(client, number) for number, client in enumerate(clients)))
    return made / (time.perf_counter() - begin)


async def measure(base: Path, urls: Sequence[str], count: int, seconds: float) -> Figures:
    """The three figures of these servers."""
    folders = [make_project(base, f"{time.time_ns()}-{number}") for number in range(PROJECTS)]
    figures = {"p50": await p50(folders[0], urls)}
    listing = [client_in(folders[number % PROJECTS], urls, number) for number in range(count)]
    for client in listing[:PROJECTS]:
        await fill(client, ITEMS)
    figures["calls/s"] = await rate(listing, lambda client, _: client.call("list_work_items", limit=20), seconds)
    claiming = [client_in(folders[1], urls, number) for number in range(count)]
    await fill(claiming[0], int(seconds) * 1_000)
    figures["claims/s"] = await rate(
        claiming, lambda client, number: client.call("claim_work_item", actor=f"a{number}"), seconds
    )
    for client in (*listing, *claiming):
        await client.close(len(urls))
    return figures


def measured(base: Path, servers: int, variables: dict[str, str], count: int, seconds: float) -> Figures:
    """The figures of so many new servers."""
    with ExitStack() as stack:
        started = [stack.enter_context(serving(base / f"home-{time.time_ns()}", **variables)) for _ in range(servers)]
        figures = asyncio.run(measure(base, [server.url for server in started], count, seconds))
        for server in started:
            server.end()
        return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, own_server(durable=True) as postgresql:
        for _ in range(chosen.rounds):
            url = {"WORKFLOW_MCP_DATABASE_URL": postgresql.new_database().url}
            kinds: dict[str, tuple[int, dict[str, str]]] = {"SQLite, 1 server": (1, {})}
            kinds |= {f"PostgreSQL, {count} server{'s'[: count - 1]}": (count, url) for count in (1, 2, 3)}
            base: Figures = {}
            for name, (count, variables) in kinds.items():
                figures = measured(Path(folder), count, variables, chosen.clients, chosen.seconds)
                base = base or figures
                for figure, value in figures.items():
                    found.setdefault((name, figure), []).append(value)
                    found.setdefault((name, f"{figure} x"), []).append(value / base[figure])
    for name in kinds:
        parts = [
            f"{figure} {median(found[name, figure]):7.1f} ({median(found[name, f'{figure} x']):4.2f} x)"
            for figure in ("p50", "calls/s", "claims/s")
        ]
        print(f"{name:22} {'   '.join(parts)}")


if __name__ == "__main__":
    main()
