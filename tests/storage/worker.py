"""A process at work on a store: `worker.py <folder or URL> <project id> <what> <name> …`; a line for each success."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.clients.databases import Database
from tests.storage.stores import open_store, titles
from workflow_mcp.errors import WorkflowError, WorkItemError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemUpdate, NewItem, Project


def say(*words: object) -> None:
    """Acknowledge."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def update(store: Store, project: Project, actor: Actor, count: str, own: str, *shared: str) -> None:
    """Leave a note on an own and on a shared item by turns; every other shared one with the version it knows."""
    known = 1
    for number in range(int(count)):
        target = int(own) if number % 2 else int(shared[number % len(shared)])
        careful = number % 4 == 0
        note = f"{actor.name}-{number}"
        try:
            given = ItemUpdate(target, note=note, expected_version=known if careful else None)
            known = (await store.update_items(project, [given], actor)).items[0].version
            say("done", target, note)
        except WorkItemError as error:
            assert error.code == "VERSION_CONFLICT", error  # noqa: PT017 - this is a script
            assert careful
            known = error.current.version  # type: ignore[attr-defined]
            say("conflict", target, note)


async def race(store: Store, project: Project, actor: Actor) -> None:
    """Claim each item that is named on stdin."""
    await store.ensure(project)
    say("up")
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            claimed = await store.claim_item(project, actor, int(line))
            say("won", claimed.item.assignee if claimed else None)
        except WorkItemError as error:
            say("lost", error.code)


async def serve(store: Store, project: Project, actor: Actor) -> None:
    """Create an item for each line on stdin that is its title, and list the titles for each empty one."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            title = line.strip()
            if title:
                await store.create_items(project, [NewItem(title, description="d" * 200)], actor)
            say("ok", *([title] if title else await titles(store, project)))
        except WorkflowError as error:
            say("error", error)


async def make_many(store: Store, project: Project, _actor: Actor, *project_ids: str) -> None:
    """Make many projects, all at once, as soon as a line on stdin says so."""
    await asyncio.to_thread(sys.stdin.readline)
    projects = [Project(one, one) for one in project_ids]
    await asyncio.gather(*map(store.ensure, projects))
    say([len(found) for found in await asyncio.gather(*(titles(store, one) for one in projects))])


async def create(store: Store, project: Project, actor: Actor) -> None:
    """Create trees of four for ever: an epic, two tasks of which one blocks the other, and a note."""
    while True:
        plan = [NewItem("epic", ref="e"), NewItem("a", parent="e", ref="a", labels=("x",))]
        plan += [NewItem("b", parent="e", depends_on=("a",)), NewItem("c", parent="e", depends_on=("a",))]
        made = [item.id for item in (await store.create_items(project, plan, actor)).items]
        say("made", *made)
        await store.update_items(project, [ItemUpdate(made[1], status="completed", note="done")], actor)
        say("done", made[1])


async def request(store: Store, project: Project, actor: Actor, count: str) -> None:
    """Create under request ids that other processes use as well."""
    for number in range(int(count)):
        made = await store.create_items(project, [NewItem(f"r{number}"), NewItem("s")], actor, f"request-{number}")
        say(number, *(item.id for item in made.items))


async def take_all(store: Store, project: Project, actor: Actor) -> None:
    """Claim whatever is first until nothing is ready."""
    while claimed := await store.claim_item(project, actor):
        say(claimed.item.id)


async def fill(store: Store, project: Project, actor: Actor, limit: str) -> None:
    """Create until the file may not grow any more."""
    await store.ensure(project)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    made = 0
    try:
        while True:
            made = (await store.create_items(project, [NewItem("x", description="y" * 5000)], actor)).items[0].id
            say("made", made)
    except WorkflowError as error:
        say("error", error)


async def unprivileged(store: Store, project: Project, actor: Actor) -> None:
    """Create one item as a user who may do nothing, not even import."""
    async with open_store(Path(tempfile.mkdtemp())) as elsewhere:
        await elsewhere.create_items(project, [NewItem("x")], actor)
    os.setgid(65534)
    os.setuid(65534)
    try:
        await store.create_items(project, [NewItem("x")], actor)
    except WorkflowError as error:
        say("error", error)


class HalfRead:
    """Records on the lines of a file; the second reading stops halfway, for ever."""

    def __init__(self, file: str) -> None:
        self._lines = Path(file).read_text().splitlines()
        self._readings = 0

    def __iter__(self) -> Iterator[object]:
        self._readings += 1
        for number, line in enumerate(self._lines):
            if self._readings > 1 and number > len(self._lines) - 10:
                say("half")
                sys.stdin.read()
            yield json.loads(line)


async def import_half(store: Store, project: Project, actor: Actor, file: str) -> None:
    """Import half of a file, and wait to be killed."""
    await store.import_items(project, HalfRead(file), actor)


async def import_file(store: Store, project: Project, actor: Actor, file: str) -> None:
    """Import a file."""
    try:
        records = [json.loads(line) for line in Path(file).read_text().splitlines()]
        say("imported", (await store.import_items(project, records, actor)).items)
    except WorkflowError as error:
        say(error.code)


WORK = {
    "import": import_file,
    "import-half": import_half,
    "update": update,
    "race": race,
    "make-many": make_many,
    "serve": serve,
    "create": create,
    "request": request,
    "take-all": take_all,
    "fill": fill,
    "unprivileged": unprivileged,
}


async def main(place: str, project_id: str, what: str, name: str, *arguments: str) -> None:
    """Do what the command line says."""
    is_url = place.startswith("postgresql://")
    async with open_store(Database(place, "", "") if is_url else Path(place)) as store:
        await WORK[what](store, Project(project_id, "one"), Actor(name, "/worker"), *arguments)  # type: ignore[operator]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
