"""Many processes on one file, and some of them killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.clients.workers import Worker
from tests.storage.support import (
    Data,
    DataPlace,
    check_invariants,
    data_of,
    finished,
    linux_only,
    make,
    open_files,
    open_store,
    raw,
    start_worker,
)
from workflow_mcp.storage.sqlite.connections import MAX_CONNECTIONS
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, Project

LONG = pytest.mark.soak


@pytest.mark.parametrize(
    ("processes", "updates"), [(4, 24), pytest.param(8, 100, marks=[LONG, pytest.mark.timeout(300)])]
)
async def test_every_acknowledged_update_of_many_processes_is_there(
    place: DataPlace, project: Project, ana: Actor, processes: int, updates: int
) -> None:
    """No update is lost, none is doubled, and nothing fails but a stated version that was overtaken."""
    async with open_store(place) as store:
        shared = await make(store, project, ana, "s1", "s2")
        own = await make(store, project, ana, *(f"own {number}" for number in range(processes)))
    workers = [
        await start_worker(
            place, project.known_id, "update", f"w{number}", str(updates), str(own[number]), *map(str, shared)
        )
        for number in range(processes)
    ]
    lines = [line.split() for lines in await asyncio.gather(*map(finished, workers)) for line in lines]
    done = sorted((int(target), note) for what, target, note in lines if what == "done")
    data = data_of(place, project)
    assert sorted(raw(data, "SELECT item_id, text FROM notes")) == done
    assert len(lines) == processes * updates
    versions = dict(raw(data, "SELECT id, version FROM items"))
    assert versions == {item_id: 1 + Counter(target for target, _ in done)[item_id] for item_id in shared + own}
    check_invariants(data)


@pytest.mark.parametrize("rounds", [20, pytest.param(300, marks=[LONG, pytest.mark.timeout(300)])])
async def test_a_race_of_eight_for_one_item_has_one_winner(
    place: DataPlace, project: Project, ana: Actor, rounds: int
) -> None:
    """Each round exactly one process holds the item and seven are told who does."""
    async with open_store(place) as store:
        items = [one for _ in range(rounds // 10) for one in await make(store, project, ana, *"abcdefghij")]
    workers = [await start_worker(place, project.known_id, "race", f"w{number}") for number in range(8)]
    try:
        assert {await _line(worker) for worker in workers} == {"up"}
        for one in items:
            answers = await asyncio.gather(*(_asked(worker, one) for worker in workers))
            winner = [answer for answer in answers if answer.startswith("won")]
            assert len(winner) == 1, answers
            assert Counter(answers)["lost ITEM_CLAIMED"] == 7, answers
            held = raw(data_of(place, project), "SELECT assignee FROM items WHERE id = ?", one)
            assert winner == [f"won {held[0][0]}"]
    finally:
        await asyncio.gather(*map(finished, workers))


async def _asked(worker: Worker, item_id: int) -> str:
    worker.stdin.write(f"{item_id}\n".encode())
    return await _line(worker)


async def _line(worker: Worker) -> str:
    return (await asyncio.wait_for(worker.stdout.readline(), 150)).decode().strip()


@pytest.mark.parametrize(
    ("processes", "count"), [(3, 40), pytest.param(8, 400, marks=[LONG, pytest.mark.timeout(300)])]
)
async def test_processes_that_take_what_is_first_never_take_the_same(
    place: DataPlace, project: Project, ana: Actor, processes: int, count: int
) -> None:
    """All items are taken, each once."""
    async with open_store(place) as store:
        items = [one for _ in range(count // 40) for one in await make(store, project, ana, *("i" * 40))]
    workers = [await start_worker(place, project.known_id, "take-all", f"w{number}") for number in range(processes)]
    taken = [int(line) for lines in await asyncio.gather(*map(finished, workers)) for line in lines]
    assert sorted(taken) == items


async def test_a_request_repeated_by_another_process_creates_nothing(
    place: DataPlace, project: Project, ana: Actor
) -> None:
    """Two processes with the same request ids get the same items."""
    workers = [await start_worker(place, project.known_id, "request", name, "10") for name in ("a", "b")]
    first, second = await asyncio.gather(*map(finished, workers))
    assert first == second
    assert raw(data_of(place, project), "SELECT count(*) FROM items") == [(20,)]


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=[LONG, pytest.mark.timeout(300)])])
async def test_what_was_acknowledged_survives_a_kill(place: DataPlace, project: Project, kills: int) -> None:
    """After kill -9 at any moment the file opens, has all that was said to be in it, and nothing by halves."""
    made: set[int] = set()
    done: set[int] = set()
    for _ in range(kills):
        worker = await start_worker(place, project.known_id, "create", "w")
        for _ in range(random.randrange(1, 60)):
            _note(await _line(worker), made, done)
        worker.kill()
        rest, _err = await asyncio.wait_for(worker.communicate(), 150)
        for line in rest.decode().split("\n")[:-1]:
            _note(line, made, done)
        _check_whole(data_of(place, project), made, done)
    async with open_store(place) as store:
        await store.ensure(project)
    check_invariants(data_of(place, project))


def _note(line: str, made: set[int], done: set[int]) -> None:
    what, *numbers = line.split()
    (made if what == "made" else done).update(map(int, numbers))


def _check_whole(data: Data, made: set[int], done: set[int]) -> None:
    stored = {row[0] for row in raw(data, "SELECT id FROM items")}
    completed = {row[0] for row in raw(data, "SELECT id FROM items WHERE status = 'completed'")}
    assert made <= stored
    assert done <= completed
    assert len(stored) % 4 == 0
    links = len(stored) // 2
    assert raw(data, "SELECT count(*) FROM links") == [(links,)]
    assert raw(data, "SELECT count(*) FROM notes") == [(len(completed),)]
    # A creation, what it says to each blocker, and a completion.
    assert raw(data, "SELECT count(*) FROM events") == [(len(stored) + links + len(completed),)]
    check_invariants(data)


async def test_a_caller_that_goes_away_leaves_the_store_usable(
    store: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """Cancelling calls at any moment does no harm to the next ones, and stores whole items or none."""
    await store.ensure(project)
    for turns in range(60):
        call = asyncio.create_task(make(store, project, ana, "a", "b"))
        for _ in range(turns % 30):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert len(await make(store, project, ana, "last")) == 1
    assert raw(data_of(place, project), "SELECT count(*) % 2 FROM items") == [(1,)]
    check_invariants(data_of(place, project))


@linux_only
async def test_callers_that_go_away_while_a_file_is_opened_leave_nothing_open(
    tmp_path: Path, project: Project, ana: Actor
) -> None:
    """Whoever comes next finds what they began to open, and the end closes it."""
    async with open_store(tmp_path) as store:
        (only,) = await make(store, project, ana, "a")
    async with open_store(tmp_path) as store:
        for turns in range(40):
            calls = [asyncio.create_task(store.get_item(project, only)) for _ in range(6)]
            for _ in range(turns % 8):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert (await store.get_item(project, only)).item.title == "a"
        # A file and its log for each connection; and SQLite keeps the descriptor of a closed one while another holds
        # a lock. If each of the 240 callers left one open, there were more than that.
        assert 1 <= open_files(tmp_path) <= 10 * MAX_CONNECTIONS
    assert open_files(tmp_path) == 0
