"""An import from its first transaction to its last, with room for other writers between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.databases import Database, ReadableDatabase
from workflow_mcp.storage.threads import WorkerThreads
from workflow_mcp.storage.transfer.importing import Import
from workflow_mcp.storage.transfer.synchronizing import Synchronization, foreseen
from workflow_mcp.storage.transfer.turn import PORTION, Turn
from workflow_mcp.work.importers.values import SourceItem
from workflow_mcp.work.records import read_record
from workflow_mcp.work.results import Arrival, ImportResult
from workflow_mcp.work.transfer import Outline, portions, read_outline
from workflow_mcp.work.values import Actor

logger = logging.getLogger(__name__)

# Longer than a writer in another process waits between two tries, so that each that waits gets its turn.
PAUSE_SECONDS = 0.025


async def check_records(threads: WorkerThreads, records: Iterable[Any]) -> Outline:
    """What exported records say together.

    Raises:
        WorkItemError: `IMPORT_INVALID`, naming the line.
    """
    return await threads.run(partial(read_outline, records))


async def run_import(
    database: Database, threads: WorkerThreads, records: Iterable[Any], outline: Outline, actor: Actor
) -> ImportResult:
    """Import records that were checked; all of them are there at once, or none.

    Args:
        database: the project's.
        threads: run the reading.
        records: what `outline` was read from.
        outline: what the records say together.
        actor: who imports them.

    Raises:
        WorkItemError: `IMPORT_RUNNING`; `IMPORT_INVALID` when there are no ids left.
    """
    one = Import(outline, actor)
    if not await database.write(one.begin):
        return ImportResult(0, {}, repeated=True)
    try:
        await _remove_leftovers(database, one.turn)
        await database.write(one.reserve)
        await _add_all(database, threads, records, outline, one)
        return await database.write(one.finish)
    except BaseException:
        await _give_up(database, one.turn)
        raise


async def foresee(database: ReadableDatabase, items: Sequence[SourceItem]) -> tuple[Arrival, ...]:
    """What `run_synchronization` would make of each item, as far as can be told without it; changes nothing."""
    return await database.read(partial(foreseen, items=items))


async def run_synchronization(
    database: Database, threads: WorkerThreads, items: Sequence[SourceItem], actor: Actor
) -> tuple[Arrival, ...]:
    """Import another program's items; all of it is there at once, or nothing.

    Args:
        database: the project's.
        threads: run the preparation.
        items: parents before their children.
        actor: who imports them.

    Raises:
        WorkItemError: `IMPORT_RUNNING`; `IMPORT_INVALID` when there are no ids left.
    """
    one = Synchronization(items, actor)
    await database.write(one.begin)
    try:
        await _remove_leftovers(database, one.turn)
        await database.write(one.reserve)
        for portion in await threads.run(one.portions):
            await database.write(partial(one.add, portion=portion))
            await asyncio.sleep(PAUSE_SECONDS)
        new = one.new_items()
        for start in range(0, len(new), PORTION):
            await database.write(partial(one.complete, some=new[start : start + PORTION]))
            await asyncio.sleep(PAUSE_SECONDS)
        return await database.write(one.finish)
    except BaseException:
        await _give_up(database, one.turn)
        raise


async def _add_all(
    database: Database, threads: WorkerThreads, records: Iterable[Any], outline: Outline, one: Import
) -> None:
    reading = iter(portions(read_record(one) for one in records))
    while portion := await threads.run(partial(next, reading, None)):
        await database.write(partial(one.add, portion=portion))
        await asyncio.sleep(PAUSE_SECONDS)
    for start in range(0, len(outline.parents), PORTION):
        await database.write(partial(one.complete, start=start))
        await asyncio.sleep(PAUSE_SECONDS)


async def _remove_leftovers(database: Database, turn: Turn) -> None:
    more = True
    while more:
        more = await database.write(turn.remove_portion)
        await asyncio.sleep(PAUSE_SECONDS)


async def _give_up(database: Database, turn: Turn) -> None:
    try:
        await _remove_leftovers(database, turn)
        await database.write(turn.give_up)
    except WorkflowError:
        # Nobody sees what is left, and the next import removes it.
        logger.warning("what an import left behind could not be removed", exc_info=True)
