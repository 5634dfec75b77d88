"""The command watch: changes of the project, as they are made."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

from workflow_mcp.cli.history import as_object, print_entries
from workflow_mcp.cli.local import with_work_items
from workflow_mcp.cli.output import flush, print_json
from workflow_mcp.cli.parameters import Directory, Json
from workflow_mcp.errors import Code, ProjectError
from workflow_mcp.work.history import MAX_ENTRIES, Entry, HistoryQuery
from workflow_mcp.work.text import visible
from workflow_mcp.workspace.work_items import WorkItems

READER_SECONDS = 1.0  # between two looks at whether anybody reads


def watch(*, directory: Directory = ".", as_json: Json = False) -> None:
    """Print a line for each change that anybody makes from now on, until it is stopped.

    With --json a line is a JSON object.
    """

    async def print_changes(work: WorkItems) -> None:
        with _stoppable():
            async for entries in _changes(work):
                _print(entries, as_json=as_json)

    with_work_items(directory, print_changes)


async def _changes(work: WorkItems) -> AsyncIterator[Sequence[Entry]]:
    """What is new, each entry once; ends when nobody reads what is printed."""
    if work.data.project.id is None:
        what = f"{work.data.project.name} has no work items yet, and no id."
        raise ProjectError(Code.NO_PROJECT, what, "run `workflow-mcp init` to give it one.")
    async with work.data.store.changes(work.data.project) as changed:
        settled, shown = (await work.history(HistoryQuery(limit=1))).settled, set[int]()
        print(f"watching {visible(work.data.project.name)} until stopped", file=sys.stderr, flush=True)
        while not _reader_left():
            history = await work.history(HistoryQuery(after=settled, limit=MAX_ENTRIES))
            new = [entry for entry in history.entries if entry.position not in shown]
            settled = history.settled
            shown = {entry.position for entry in history.entries if entry.position > settled}
            if new:
                yield new
            else:
                await changed.next(within=READER_SECONDS)


def _print(entries: Sequence[Entry], *, as_json: bool) -> None:
    if as_json:
        for entry in entries:
            print_json(as_object(entry), indent=None)
    else:
        print_entries(entries)
    flush()


def _reader_left() -> bool:
    """Whether the reader of a pipe has closed it, which else only the next line would show."""
    if not hasattr(select, "poll"):
        return False
    output = select.poll()
    output.register(sys.stdout, select.POLLERR)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in output.poll(0))


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the body, as if it had come to its end."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if task is not None:
            task.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped:
            raise
