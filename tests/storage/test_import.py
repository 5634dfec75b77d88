"""Imports beside other writers, cut off at any point, and of anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.storage.support import (
    DataPlace,
    Rows,
    check_invariants,
    data_of,
    finished,
    ids,
    make,
    open_store,
    raw,
    refused,
    start_worker,
)
from tests.support import FakeClock, until
from tests.work.test_transfer import item, spoilt, whole
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.records import read_record
from workflow_mcp.work.transfer import MAX_PORTION_CHARACTERS, MAX_PORTION_RECORDS, portions
from workflow_mcp.work.values import Actor, ItemQuery, Project

MANY = 600


def many(count: int = MANY) -> list[dict[str, Any]]:
    """An export of so many items, each a child of the next after it but for the last of ten."""
    items = [item(number, parent=None if number % 5 == 0 else number + 1) for number in range(1, count + 1)]
    return [whole()[0], *items, {"kind": "end", "items": count, "links": 0, "notes": 0, "events": 0}]


async def exported(store: Store, project: Project) -> list[dict[str, Any]]:
    """The project's records, once through JSON."""
    return [json.loads(json.dumps(record)) async for record in store.export(project)]


class Cut:
    """Records of which the second reading, which stores them, does something else halfway."""

    def __init__(self, records: list[dict[str, Any]], error: BaseException) -> None:
        self._records = records
        self._error = error
        self._readings = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._readings += 1
        for number, record in enumerate(self._records):
            if self._readings > 1 and number > len(self._records) // 2:
                raise self._error
            yield record


async def test_all_items_are_there_at_once(store: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """Others write and read meanwhile, and see none of the items or all; children may come before their parents."""
    made = 0
    async with open_store(place) as other:
        importing = asyncio.create_task(store.import_items(project, many(), ana))
        while not importing.done():
            made += len(await make(other, project, ana, "beside"))
            total = (await other.list_items(project, ItemQuery("all", limit=1))).counts.total
            assert total in (made, made + MANY)
    assert (await importing).items == MANY
    assert made >= 3, "more than one got between the portions"
    assert len(await ids(store, project)) == made + MANY
    check_invariants(data_of(place, project))


async def test_a_second_import_of_a_file_changes_nothing(
    store: Store, project: Project, other: Project, ana: Actor
) -> None:
    """It says so, and the project is as it was, also where it has been changed since."""
    await store.import_items(project, whole(), ana)
    await make(store, project, ana, "later")
    before = await exported(store, project)
    assert (await store.import_items(project, whole(), ana)).repeated
    assert await exported(store, project) == before
    assert not (await store.import_items(other, whole(), ana)).repeated


async def test_ids_stay_or_are_replaced(store: Store, project: Project, ana: Actor) -> None:
    """They stay where none between the first and the last is taken, also below what there is."""
    low, high = many(5), [*many(5)]
    high[1:6] = [item(number) for number in range(101, 106)]
    assert (await store.import_items(project, high, ana)).renumbered == {}
    assert (await store.import_items(project, low, ana)).renumbered == {}
    assert await ids(store, project) == [*range(1, 6), *range(101, 106)]
    assert await make(store, project, ana, "next") == [106]
    again = [low[0], *(item(number, title="again") for number in (104, 105, 106, 107, 108)), low[-1]]
    assert (await store.import_items(project, again, ana)).renumbered == {104: 109, 105: 110, 106: 111}
    assert await ids(store, project, text="again") == [107, 108, 109, 110, 111]


async def test_an_import_that_fails_leaves_nothing(
    store: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """What it had stored is removed, and another can begin at once."""
    await make(store, project, ana, "before")
    before = await exported(store, project)
    with pytest.raises(ConnectionError):
        await store.import_items(project, Cut(many(), ConnectionError()), ana)
    assert await exported(store, project) == before
    assert raw(data_of(place, project), "SELECT count(*) FROM items") == [(1,)]
    assert (await store.import_items(project, many(), ana)).items == MANY


async def test_one_that_was_cancelled_leaves_nothing(
    store: Store, place: DataPlace, project: Project, ana: Actor
) -> None:
    """The same, when whoever asked for it goes away."""
    importing = asyncio.create_task(store.import_items(project, many(), ana))
    await until(lambda: importing.done() or raw_if_there(place, project))
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert raw(data_of(place, project), "SELECT count(*) FROM items") == [(0,)]


def raw_if_there(place: DataPlace, project: Project) -> bool:
    """Whether some of an import is stored."""
    data = data_of(place, project)
    if isinstance(data, Rows):
        return raw(data, "SELECT count(*) FROM items") != [(0,)]
    return data.exists() and raw(data, "SELECT name FROM sqlite_master WHERE name = 'items'") != [] and (
        raw(data, "SELECT count(*) FROM items") != [(0,)]
    )  # fmt: skip


async def test_an_import_that_was_killed(place: DataPlace, tmp_path: Path, project: Project, ana: Actor) -> None:
    """Nobody sees anything of it; the next one, two minutes later, removes what it left, and is whole."""
    clock = FakeClock()
    file = tmp_path / "many.jsonl"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in many()))
    worker = await start_worker(place, str(project.id), "import-half", "ana", file)
    assert (await asyncio.wait_for(worker.stdout.readline(), 150)).strip() == b"half"
    worker.kill()
    await worker.wait()
    assert raw(data_of(place, project), "SELECT count(*) > 0 FROM items") == [(1,)]
    async with open_store(place, clock=clock) as store:
        assert await ids(store, project) == []
        await refused("ITEM_NOT_FOUND", store.get_item(project, 1))
        assert [record["kind"] for record in await exported(store, project)] == ["project", "end"]
        assert await make(store, project, ana, "beside") == [MANY + 1]
        raw(data_of(place, project), "UPDATE projects SET import_until = ?", round((clock() + 119) * 1e6))
        await refused("IMPORT_RUNNING", store.import_items(project, many(), ana))
        clock.advance(120)
        assert (await store.import_items(project, many(), ana)).renumbered == {}
        assert len(await ids(store, project)) == MANY + 1
    check_invariants(data_of(place, project))


async def test_one_whose_place_was_taken(store: Store, place: DataPlace, project: Project, ana: Actor) -> None:
    """An import that stood still for so long that another took its place imports nothing, and spoils nothing."""
    path = data_of(place, project)

    class Sleeping(Cut):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            yield from self._records
            self._readings += 1
            if self._readings > 1:
                raw(path, "UPDATE projects SET import_token = 'another'")

    await refused("IMPORT_RUNNING", store.import_items(project, Sleeping(many(), OSError()), ana))
    assert await ids(store, project) == []


def test_portions_are_small() -> None:
    """No transaction has more records, or many more characters, than others can wait for."""
    long = [item(number, description="x" * 20_000) for number in range(1, 30)]
    found = list(portions(read_record(one) for one in [*many()[:-1], *long]))
    assert all(len(portion) <= MAX_PORTION_RECORDS for portion in found)
    sizes = [sum(record.size for record in portion) for portion in found]
    assert max(sizes) <= MAX_PORTION_CHARACTERS + 21_000


def test_any_import_is_all_or_nothing(place: DataPlace, project: Project, ana: Actor) -> None:
    """Of whatever records, all are there afterwards or none, and nothing but one line is said."""
    with asyncio.Runner() as runner:
        opened = open_store(place)
        store = runner.run(opened.__aenter__())

        async def try_one(records: list[Any]) -> None:
            before = len(await ids(store, project))
            try:
                result = await store.import_items(project, records, ana)
                added = result.items
            except WorkflowError:
                added = 0
            assert len(await exported_items(store, project)) == added + len(seen)
            seen.extend([None] * added)
            assert added or len(await ids(store, project)) == before

        seen: list[None] = []

        @given(spoilt())
        @settings(deadline=None, max_examples=40)
        def body(records: list[Any]) -> None:
            runner.run(try_one(records))

        runner.run(try_one(whole()))
        body()
        runner.run(opened.__aexit__(None, None, None))
    check_invariants(data_of(place, project))


async def exported_items(store: Store, project: Project) -> list[dict[str, Any]]:
    """The items of the project, deleted ones too."""
    return [record async for record in store.export(project) if record["kind"] == "item"]


async def test_two_processes_that_import_the_same_file(place: DataPlace, tmp_path: Path, project: Project) -> None:
    """One imports it; the other is told that an import is running, or that it has been imported."""
    file = tmp_path / "many.jsonl"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in many()))
    workers = [await start_worker(place, str(project.id), "import", name, file) for name in ("ana", "bob")]
    told = [await finished(worker) for worker in workers]
    assert ["imported 600"] in told
    assert {line for lines in told for line in lines} <= {"imported 600", "imported 0", "IMPORT_RUNNING"}
    async with open_store(place) as store:
        assert len(await ids(store, project)) == MANY
